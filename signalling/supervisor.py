"""What this ASGI process does besides its sockets.

It keeps its Node row alive, sweeps the sessions of dead processes, turns events
of relays into rows and messages to consumers, and ends all that at the stop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.db import DatabaseError

from relay import control
from signalling import registry
from signalling.local_link import LocalLink, RelayConfig
from streams import services

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

HEARTBEAT_S = 5.0
NODE_NAME = f"asgi-{socket.gethostname()}-{os.getpid()}"


@dataclass(slots=True)
class Supervisor:
    """Owns the relay link and the heartbeat of this process."""

    relay_configs: tuple[RelayConfig, ...]
    link: LocalLink = field(init=False)
    _task: asyncio.Task[None] | None = None
    _stopped: bool = False

    def __post_init__(self) -> None:
        self.link = LocalLink(self.relay_configs, self.handle_event, self.handle_loss)

    def start(self) -> None:
        """Start in the running loop; idempotent and immediate."""
        if self._task is None and not self._stopped:
            self.link.start()
            self._task = asyncio.create_task(self._run(), name="supervisor")

    async def stop(self) -> None:
        """Tell the sockets, end the relays, close this process's rows."""
        self._stopped = True
        task, self._task = self._task, None
        await registry.announce_stop()
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self.link.stop()
        await _in_database(services.close_node, NODE_NAME)

    async def _run(self) -> None:
        await _in_database(services.register_node, NODE_NAME, "asgi")
        while True:
            await _in_database(services.heartbeat, NODE_NAME)
            lost = await _in_database(services.sweep_dead_nodes)
            if lost:
                logger.warning("swept %d sessions of dead processes", len(lost))
                await _tell_lost(lost)
            await asyncio.sleep(HEARTBEAT_S)

    async def handle_event(self, relay: str, event: control.Event) -> None:
        if isinstance(event, control.Report):
            await _in_database(services.record_report, event)
        elif isinstance(event, control.StreamEnded):
            await _in_database(services.close_parked, event.stream, event.session)
        elif isinstance(event, control.Ready):
            await _in_database(services.register_node, relay, "relay")
        else:
            text = control.encode(event).decode()
            await _tell(event.reply_to, {"type": "relay.event", "event": text})

    async def handle_loss(self, relay: str) -> None:
        await _tell_lost(await _in_database(services.close_relay, relay) or [])


async def _tell_lost(lost: Iterable[services.LostSession]) -> None:
    """The sockets of closed sessions hear of it, each once."""
    sessions: dict[str, list[str]] = {}
    for session in lost:
        if session.channel:
            sessions.setdefault(session.channel, []).append(session.session)
    for channel, ids in sessions.items():
        await _tell(channel, {"type": "relay.lost", "sessions": ids})


async def _tell(channel: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None or not channel:
        return
    try:
        await layer.send(channel, message)
    except ChannelFull:
        logger.warning("a socket does not keep up; one of its events is lost")


async def _in_database(call: Callable[..., Result], *args: Any) -> Result | None:
    """The call's result; nothing (and a log line) while the database is away."""
    try:
        result: Result = await database_sync_to_async(call)(*args)
    except DatabaseError as error:
        logger.error("%s: database not available: %s", call.__name__, error)
        return None
    return result
