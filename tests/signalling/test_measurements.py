"""A viewer's measurement, from the supervisor straight to its socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from signalling import events, registry
from signalling.consumer import SignallingConsumer
from tests.signalling.conftest import Client, close, until
from tests.streams.reports import viewer


def measure(session: str, channel: str, target: int) -> None:
    socket = registry.socket_of(channel)
    assert socket is not None
    report = viewer(session, target_bitrate=target, video_bitrate=2, audio_bitrate=1)
    socket.take_measurement(events.viewer_measured(report))


async def test_a_viewer_hears_what_was_measured(
    client: Client, open_socket: Any
) -> None:
    await client.publish()
    player = await open_socket()
    asked = await player.play()

    measure(asked.session, asked.reply_to, 1_500_000)

    assert await player.hear() == {
        "command": "notification",
        "definition": "bitrateMeasurement",
        "streamId": "s1",
        "targetBitrate": 1_500_000,
        "videoBitrate": 2,
        "audioBitrate": 1,
    }


async def test_nobody_hears_of_a_session_that_is_not_its_own(client: Client) -> None:
    offer = await client.publish()

    measure("f" * 32, offer.reply_to, 1)
    measure(offer.session, offer.reply_to, 1)  # a publisher is no viewer

    await client.expect_silence()
    await client.expect_no_event(offer.reply_to)


async def test_while_a_client_is_slow_only_the_newest_waits(
    client: Client, open_socket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.publish()
    player = await open_socket()
    asked = await player.play()
    free, waiting = asyncio.Event(), asyncio.Event()
    send_frame = SignallingConsumer._send_frame

    async def slow(self: SignallingConsumer, frame: dict[str, Any]) -> None:
        waiting.set()
        await free.wait()
        await send_frame(self, frame)

    monkeypatch.setattr(SignallingConsumer, "_send_frame", slow)
    measure(asked.session, asked.reply_to, 1)
    await waiting.wait()
    for target in (2, 3, 4):
        measure(asked.session, asked.reply_to, target)
    free.set()

    assert [(await player.hear())["targetBitrate"] for _ in range(2)] == [1, 4]
    await player.expect_silence()


async def test_a_closed_socket_takes_no_measurement(client: Client) -> None:
    offer = await client.publish()

    await close(client)
    await until(lambda: registry.socket_of(offer.reply_to) is None)
