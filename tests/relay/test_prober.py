"""Padding as it goes out: how much, of what, and when it stops."""

from __future__ import annotations

import pytest

from relay import prober
from relay.path_watch import PathWatch
from tests.relay.conftest import RunningRelay
from tests.relay.ladders import HIGH, LOW, Ladder, publish_ladder, say, watch_ladder
from tests.relay.raw_peer import RawPeer


@pytest.fixture
async def ladder(still_relay: RunningRelay) -> Ladder:
    return await publish_ladder(still_relay)


def path(ladder: Ladder, viewer: RawPeer) -> PathWatch:
    return ladder.subscriber(viewer).path


async def fall(ladder: Ladder) -> RawPeer:
    """A viewer that was moved down, and is about to be probed."""
    viewer = await watch_ladder(ladder)
    await say(viewer, 2_000_000)
    await say(viewer, 400_000)
    await ladder.run(1)
    assert ladder.shown(viewer) == [LOW]
    return viewer


async def run_until_probe(ladder: Ladder, viewer: RawPeer) -> None:
    for _ in range(100):
        if path(ladder, viewer).probe is not None:
            return
        await ladder.run(0.1)
    raise AssertionError("no probe")


async def probe_well(ladder: Ladder, viewer: RawPeer) -> None:
    """The viewer's REMB rises, as on a free path, until the probe has ended."""
    remb = 400_000.0
    for _ in range(100):
        if path(ladder, viewer).probe is None:
            return
        remb *= 1.01
        await say(viewer, int(remb))
        await ladder.run(0.1)
    raise AssertionError("the probe does not end")


async def test_a_viewer_on_a_free_path_rises_by_a_probe(ladder: Ladder) -> None:
    viewer = await fall(ladder)
    await run_until_probe(ladder, viewer)
    await probe_well(ladder, viewer)
    assert path(ladder, viewer).estimate.target_bps > 1_700_000
    await ladder.run(3)
    assert ladder.shown(viewer) == [HIGH]
    assert ladder.changes() == [LOW, HIGH]


async def test_padding_is_a_newest_packet_once_more_in_the_rtx_stream(
    ladder: Ladder,
) -> None:
    viewer = await fall(ladder)
    await run_until_probe(ladder, viewer)
    await ladder.run(0.5)
    rtx_ssrc = ladder.stream.tracks["video"].outgoing.rtx_ssrc
    padding = [
        (packet, plain)
        for packet, plain in zip(viewer.rtp, viewer.plain, strict=True)
        if packet.ssrc == rtx_ssrc
    ]
    assert len(padding) > 3
    media = {packet.seq: packet for packet in viewer.rtp if packet.payload_type == 96}
    numbers = [packet.seq for packet, _ in padding]
    assert [(b - numbers[0]) & 0xFFFF for b in numbers] == list(range(len(numbers)))
    for packet, plain in padding:
        assert packet.payload_type == 97
        original = media[int.from_bytes(packet.payload[:2])]
        assert packet.payload[2:] == original.payload
        assert plain[0] & 0x20  # filled up
        assert len(plain) == 1202
    # Each says when it left itself: the originals are older.
    times = [packet.extensions[3] for packet, _ in padding]
    assert times == sorted(times)
    assert times[-1] > times[0]


async def test_no_more_than_the_level_goes_out(ladder: Ladder) -> None:
    viewer = await fall(ladder)
    await run_until_probe(ladder, viewer)
    watch = path(ladder, viewer)
    assert watch.probe is not None
    before = watch.padding_bytes
    await ladder.run(0.3)  # one step
    assert watch.probe is not None
    most = watch.probe.padding_bps * 0.3 / 8 + 1200
    assert 0 < watch.padding_bytes - before <= most


async def test_it_stops_when_the_remb_falls(ladder: Ladder) -> None:
    viewer = await fall(ladder)
    await run_until_probe(ladder, viewer)
    await ladder.run(0.3)
    await say(viewer, 300_000)
    await ladder.run(0.1)
    assert path(ladder, viewer).probe is None
    sent = path(ladder, viewer).padding_bytes
    await ladder.run(1.5)
    assert path(ladder, viewer).padding_bytes == sent
    assert ladder.shown(viewer) == [LOW]


async def test_it_stops_when_the_network_takes_no_more(
    ladder: Ladder, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await fall(ladder)
    await run_until_probe(ladder, viewer)
    monkeypatch.setattr(prober, "send_padding", lambda *_: False)
    await ladder.run(0.5)
    assert path(ladder, viewer).probe is None


async def test_it_ends_with_its_viewer(ladder: Ladder) -> None:
    viewer = await fall(ladder)
    await run_until_probe(ladder, viewer)
    subscriber = ladder.subscriber(viewer)
    ladder.viewers.clear()
    ladder.relay.router.remove(subscriber)
    sent = subscriber.path.padding_bytes
    await ladder.run(1)
    assert subscriber.path.padding_bytes == sent


async def test_only_so_many_at_once(
    ladder: Ladder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prober, "MAX_PROBES", 1)
    first, second = await fall(ladder), await fall(ladder)
    await run_until_probe(ladder, first)
    await ladder.run(1)
    probes = [path(ladder, viewer).probe for viewer in (first, second)]
    assert sum(probe is not None for probe in probes) == 1


async def test_with_nothing_better_nothing_is_probed(ladder: Ladder) -> None:
    viewer = await watch_ladder(ladder)
    await ladder.run(10)
    assert path(ladder, viewer).padding_bytes == 0


async def test_without_rtx_nothing_is_probed(ladder: Ladder) -> None:
    viewer = await watch_ladder(ladder, rtx=False)
    await say(viewer, 2_000_000)
    await say(viewer, 400_000)
    await ladder.run(5)
    assert path(ladder, viewer).padding_bytes == 0
