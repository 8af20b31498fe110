"""The open sockets of this process: to announce its stop to, and for measurements.

A measurement of each viewer comes every few seconds. The in-memory channel layer looks
through all channels at each message, so with many viewers those would cost it most.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol
from weakref import WeakSet, WeakValueDictionary

from signalling import load, store

logger = logging.getLogger(__name__)

ANNOUNCE_TIMEOUT_S = 2.0


class OpenSocket(Protocol):
    async def announce_stop(self) -> None:
        """Send `server_will_stop`."""

    def take_measurement(self, message: dict[str, Any]) -> None:
        """Have a `viewer.measured` handled, or drop it for the next one."""


class _State:
    sockets: WeakSet[OpenSocket] = WeakSet()
    by_channel: WeakValueDictionary[str, OpenSocket] = WeakValueDictionary()
    stopping = False


def add(socket: OpenSocket) -> None:
    _State.sockets.add(socket)


def discard(socket: OpenSocket, channel: str = "") -> None:
    """The socket is closing; `channel`: where it listened, if anywhere."""
    _State.sockets.discard(socket)
    _State.by_channel.pop(channel, None)


def listen(channel: str, socket: OpenSocket) -> None:
    """The socket has that name on the channel layer."""
    _State.by_channel[channel] = socket


def socket_of(channel: str) -> OpenSocket | None:
    """The open socket of this process with that name."""
    return _State.by_channel.get(channel)


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
