"""A connection is lost for so long that the SDK gives it up and begins anew.

Its `stop` is not taken for the user's: the stream waits, `publish` restores it.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.impairment import OUTAGE, Conditions
from tests.integration.conftest import write
from tests.network.scene import WAIT_S, Scene, Station, add_application
from tests.server_process import ServerProcess

RETRY_MS = 60_000  # it comes after eight or nine seconds
LOSSY = Conditions(loss=0.05, delay_ms=50)
ELSEWHERE = "127.0.0.9"
TOKENS = "Tokens"  # an application that asks for one-time tokens
IN_STEP_S = 0.25
TOKEN = "only-once"

PLAYOUT_GAP = """async (stream) => {
  const peer = window.adaptor.remotePeerConnection[stream];
  const at = {};
  for (const row of (await peer.getStats()).values())
    if (row.type === "inbound-rtp") at[row.kind] = row.estimatedPlayoutTimestamp;
  return at.audio && at.video ? Math.abs(at.audio - at.video) / 1000 : null;
}"""


@pytest.fixture(scope="module")
def tokens(far_server: ServerProcess) -> str:
    """The name of an application in which every publisher needs a token."""
    return add_application(far_server, TOKENS, publish_token_enabled=True)


def _give_token(server: ServerProcess, application: str, stream: str) -> str:
    write(
        server,
        "INSERT INTO streams_token (application_id, stream_id, type, token_id,"
        " expire_date, room_id, created_at) SELECT id, ?, 'publish', ?, ?, '', ?"
        " FROM streams_application WHERE name = ?",
        stream,
        TOKEN,
        int(time.time()) + 3600,
        "2026-01-01 00:00:00",
        application,
    )
    return TOKEN


async def test_a_publisher_returns_under_loss_from_another_address(
    scene: Scene, tokens: str
) -> None:
    stream = "returns"
    token = _give_token(scene.server, tokens, stream)
    publisher = await scene.publish(stream, application=tokens, token=token)
    viewer = await scene.play(stream, application=tokens)
    before = await viewer.seen()
    known = await viewer.sdk_page.frames()

    scene.network.set(publisher.leg, both=OUTAGE)
    scene.network.newcomers(publisher.leg)
    await publisher.sdk_page.wait_for_call(
        "reconnection_attempt_for_publisher", RETRY_MS
    )
    scene.network.set(publisher.leg, both=LOSSY)
    scene.network.rebind(publisher.leg, ELSEWHERE)
    await publisher.sdk_page.wait_for_call("session_restored", RETRY_MS)

    await viewer.wait_for_frames(60)
    after = await viewer.seen()
    gap_s = await viewer.longest_gap_s(known - 1)
    print(f"{stream}: a gap of {gap_s:.1f} s, {after.since(before)}")
    # The viewer's connection went on, and nothing looks lost to it.
    assert after.at_s > before.at_s
    assert after.frames > before.frames
    assert after.lost - before.lost <= 2
    assert after.freezes - before.freezes <= 2
    assert {"play_finished", "reconnection_attempt_for_player"}.isdisjoint(
        await viewer.calls()
    )
    assert (await viewer.calls()).count("play_started") == 1
    print(f"{stream}: audio and video {await _in_step(viewer):.3f} s apart")


async def test_a_viewer_returns_under_loss_from_another_address(scene: Scene) -> None:
    stream = "looks-again"
    await scene.publish(stream)
    viewer = await scene.play(stream)
    known = await viewer.sdk_page.frames()

    scene.network.set(viewer.leg, both=OUTAGE)
    scene.network.newcomers(viewer.leg)
    await viewer.sdk_page.wait_for_call("reconnection_attempt_for_player", RETRY_MS)
    scene.network.set(viewer.leg, both=LOSSY)
    scene.network.rebind(viewer.leg, ELSEWHERE)

    await viewer.wait_for_frames(60)
    print(f"{stream}: a gap of {await viewer.longest_gap_s(known - 1):.1f} s")
    assert (await viewer.calls()).count("play_started") == 2
    assert len({c.ufrag for c in scene.network.clients(viewer.leg)}) == 2
    print(f"{stream}: audio and video {await _in_step(viewer):.3f} s apart")


async def _in_step(viewer: Station) -> float:
    """How far what is heard is from what is seen, once it is little."""
    async with asyncio.timeout(WAIT_S):
        while True:
            gap_s = await viewer.page.evaluate(PLAYOUT_GAP, viewer.stream)
            if gap_s is not None and gap_s < IN_STEP_S:
                return float(gap_s)
            await asyncio.sleep(0.1)
