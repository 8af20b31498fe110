"""The open sockets of this process, so that its stop can be announced to them."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol
from weakref import WeakSet

from signalling import load, store

logger = logging.getLogger(__name__)

ANNOUNCE_TIMEOUT_S = 2.0


class OpenSocket(Protocol):
    async def announce_stop(self) -> None:
        """Send `server_will_stop`."""


class _State:
    sockets: WeakSet[OpenSocket] = WeakSet()
    stopping = False


def add(socket: OpenSocket) -> None:
    _State.sockets.add(socket)


def discard(socket: OpenSocket) -> None:
    _State.sockets.discard(socket)


def count() -> int:
    return len(_State.sockets)


def is_stopping() -> bool:
    """Whether nothing new is accepted any more."""
    return _State.stopping


async def announce_stop() -> None:
    """Every open socket was sent `server_will_stop`; from now on nothing is accepted.

    Returns within ANNOUNCE_TIMEOUT_S whatever the sockets do; idempotent.
    """
    _State.stopping = True
    tasks = [asyncio.ensure_future(socket.announce_stop()) for socket in _State.sockets]
    if tasks:
        done, late = await asyncio.wait(tasks, timeout=ANNOUNCE_TIMEOUT_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        failed = len(late) + sum(task.exception() is not None for task in done)
        if failed:
            logger.warning("%d sockets were not told of the stop", failed)
    await load.sampler.stop()
    await store.retries().stop()


def reopen() -> None:
    """Accept again, after a stop that was not the end of the process."""
    _State.stopping = False
