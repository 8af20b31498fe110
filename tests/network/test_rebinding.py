"""A NAT gives a client another port, or another address, in the middle of a stream."""

from __future__ import annotations

import pytest

from tests.network.scene import NO_RETRIES, Scene

OTHER_ADDRESS = "127.0.0.9"


@pytest.mark.parametrize("address", [None, OTHER_ADDRESS])
@pytest.mark.parametrize("side", ["publisher", "viewer"])
async def test_a_stream_goes_on_from_another_address(
    scene: Scene, side: str, address: str | None
) -> None:
    stream = f"moved-{side}-{'address' if address else 'port'}"
    publisher = await scene.publish(stream)
    viewer = await scene.play(stream)
    leg = publisher.leg if side == "publisher" else viewer.leg
    before = {client.outside for client in scene.network.clients(leg)}
    known = await viewer.sdk_page.frames()

    scene.network.rebind(leg, address)

    await viewer.wait_for_frames(100)
    print(f"{stream}: a gap of {await viewer.longest_gap_s(known - 1):.2f} s")
    after = {client.outside for client in scene.network.clients(leg)}
    assert before.isdisjoint(after)
    # The same peer connections: neither side has begun anew.
    assert len({client.ufrag for client in scene.network.clients(leg)}) == 1
    assert NO_RETRIES.isdisjoint(await viewer.calls())
    assert NO_RETRIES.isdisjoint(await publisher.calls())
