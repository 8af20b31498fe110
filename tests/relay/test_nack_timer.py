from __future__ import annotations

import asyncio

from relay.nack_timer import NackTimer


async def test_it_looks_once_for_each_time_it_is_armed() -> None:
    looked: asyncio.Queue[None] = asyncio.Queue()
    timer = NackTimer(lambda: looked.put_nowait(None))
    timer.arm()
    timer.arm()
    await looked.get()
    timer.arm()
    await looked.get()
    assert looked.empty()


async def test_a_look_may_arm_it_again() -> None:
    looked: asyncio.Queue[None] = asyncio.Queue()

    def look() -> None:
        looked.put_nowait(None)
        if looked.qsize() < 3:
            timer.arm()

    timer = NackTimer(look)
    timer.arm()
    while looked.qsize() < 3:  # noqa: ASYNC110  nobody announces it
        await asyncio.sleep(0.01)
    assert timer._timer is None


async def test_a_closed_one_does_not_look() -> None:
    looked: list[None] = []
    timer = NackTimer(lambda: looked.append(None))
    timer.arm()
    handle = timer._timer
    timer.close()
    timer.close()
    assert handle is not None
    assert handle.cancelled()
