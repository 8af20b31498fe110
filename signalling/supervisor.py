"""What this ASGI process does besides its sockets.

It keeps its Node row alive, sweeps the sessions of dead processes, turns events
of relays into rows, measurements and messages to consumers, ends sessions that
somebody wants ended, writes refusals, has webhooks posted, and ends all that at the
stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.db import Error
from django.utils import timezone

from relay import control
from signalling import events, registry
from signalling.link import RelayUnavailable
from signalling.local_link import LocalLink, RelayConfig
from streams import services
from streams.limited_log import LimitedLog
from streams.measured import measured
from streams.refusals import refusals
from streams.signals import endings_wanted, relay_commands
from streams.webhooks import authorisation
from streams.webhooks.delivery import DeliveryWorker

logger = logging.getLogger(__name__)
log = LimitedLog(logger)  # several duties a second meet the same outage
Result = TypeVar("Result")

HEARTBEAT_S = 5.0
WATCH_S = 1.0  # until an ending that was marked in another process is seen
TIDY_S = 3600.0
FIRST_TIDY_S = 60.0  # a process may be restarted more often than it tidies
MAX_RELAY_COMMANDS = 1000  # from outside sockets, that wait to be passed on
NODE_NAME = f"asgi-{socket.gethostname()}-{os.getpid()}"


# Signals hold their receivers weakly.
@dataclass(slots=True, eq=False, weakref_slot=True)
class Supervisor:
    """Owns the relay link, the webhooks' worker and the heartbeat of this process."""

    relay_configs: tuple[RelayConfig, ...]
    link: LocalLink = field(init=False)
    deliveries: DeliveryWorker = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop | None = None
    _endings_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _relay_commands: asyncio.Queue[tuple[str, control.Command]] = field(
        default_factory=lambda: asyncio.Queue(MAX_RELAY_COMMANDS)
    )
    _unclosed: dict[str, datetime] = field(default_factory=dict)  # lost relays
    _stopped: bool = False

    def __post_init__(self) -> None:
        self.link = LocalLink(self.relay_configs, self.handle_event, self.handle_loss)
        self.deliveries = DeliveryWorker()

    def start(self) -> None:
        """Start in the running loop; idempotent and immediate."""
        if self._tasks or self._stopped:
            return
        self._loop = asyncio.get_running_loop()
        self.link.start()
        self.deliveries.start()
        work = {
            "heartbeat": self._keep_alive(),
            "endings": self._watch_endings(),
            "relay commands": self._pass_on_commands(),
            "refusals": _every(WATCH_S, write_refusals),
            "tidying": _every(TIDY_S, _tidy, first_s=FIRST_TIDY_S),
        }
        self._tasks = [
            asyncio.create_task(job, name=name) for name, job in work.items()
        ]
        endings_wanted.connect(self._wake_endings)
        relay_commands.connect(self._take_command)

    async def stop(self) -> None:
        """Tell the sockets, end the relays, close this process's rows."""
        self._stopped = True
        tasks, self._tasks = self._tasks, []
        endings_wanted.disconnect(self._wake_endings)
        relay_commands.disconnect(self._take_command)
        await registry.announce_stop()
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.link.stop()
        for config in self.relay_configs:
            measured.forget(config.name)
        await _in_database(services.close_node, NODE_NAME)
        await write_refusals()
        await self.deliveries.stop()
        await authorisation.close()

    async def _keep_alive(self) -> None:
        await _guarded(_register)
        while True:
            await _guarded(_beat)
            await _guarded(self.close_lost_relays)
            await asyncio.sleep(HEARTBEAT_S)

    def _wake_endings(self, **_: object) -> None:
        """Called in the thread of whoever marked the rows."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._endings_wanted.set)

    async def _watch_endings(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._endings_wanted.wait(), WATCH_S)
            self._endings_wanted.clear()
            await _guarded(self.end_sessions)

    def _take_command(self, relay: str, command: control.Command, **_: object) -> None:
        """Called in the thread of whoever has a relay told something."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._queue_command, relay, command)

    def _queue_command(self, relay: str, command: control.Command) -> None:
        try:
            self._relay_commands.put_nowait((relay, command))
        except asyncio.QueueFull:
            log.error("too much to tell relays: a command for %s is lost", relay)

    async def _pass_on_commands(self) -> None:
        """In their order. One for a relay that is down has nothing to change there."""
        while True:
            relay, command = await self._relay_commands.get()
            try:
                await self.link.send(relay, command)
            except RelayUnavailable:
                log.warning("relay %s takes no command", relay)
            except Exception:
                logger.exception("a command for relay %s failed", relay)

    async def end_sessions(self) -> None:
        """Sessions of this process that are to end are told so, or ended here.

        One whose socket misses the message is still marked at the next look.
        """
        await _in_database(services.end_overdue)
        for ended in await _in_database(services.wanted_endings, NODE_NAME) or ():
            if ended.channel:
                message = events.session_end(ended.session, ended.relay, ended.ending)
                await _tell(ended.channel, message)
                continue
            stream = f"{ended.application}/{ended.stream_id}"
            await _end_awaited(stream, services.close_session, ended.session)
            with contextlib.suppress(RelayUnavailable):
                await self.link.send(ended.relay, control.CloseSession(ended.session))

    async def handle_event(self, relay: str, event: control.Event) -> None:
        """An event that fails is in the log: it must not end its relay."""
        await _guarded(self._handle_event, relay, event)

    async def _handle_event(self, relay: str, event: control.Event) -> None:
        if isinstance(event, control.ViewersMeasured):
            measured.record_viewers(relay, event.viewers)
            for viewer in event.viewers:
                await _tell_measured(viewer)
        elif isinstance(event, control.Report):
            measured.record(relay, event)  # first: the database may be away
            await _in_database(services.record_report, event)
        elif isinstance(event, control.StreamEnded):
            ended = event.stream, event.session
            await _end_awaited(event.stream, services.close_parked, *ended)
        elif isinstance(event, control.Ready):
            measured.forget(relay)  # what it was in an earlier life
            await _guarded(self.close_lost_relays)
            await _in_database(services.register_node, relay, "relay")
        else:
            text = control.encode(event).decode()
            await _tell(event.reply_to, {"type": "relay.event", "event": text})

    async def handle_loss(self, relay: str) -> None:
        measured.forget(relay)
        self._unclosed[relay] = timezone.now()
        await _guarded(self.close_lost_relays)

    async def close_lost_relays(self) -> None:
        """The sessions of relays that died are closed, and their sockets know.

        What the database does not take is tried again; sessions that a relay has in
        its next life are left alone.
        """
        for relay, lost_at in list(self._unclosed.items()):
            call = services.close_relay
            lost = await _in_database(call, relay, timezone.now, lost_at)
            if lost is None:
                continue
            if self._unclosed.get(relay) == lost_at:  # it may have died again
                del self._unclosed[relay]
            await _tell_lost(lost)


async def write_refusals() -> None:
    """What was refused since the last time is in the database, or lost with it."""
    if batch := refusals.take():
        await _in_database(services.write_refusals, batch, NODE_NAME)


async def _register() -> None:
    await _in_database(services.register_node, NODE_NAME, "asgi")


async def _beat() -> None:
    await _in_database(services.heartbeat, NODE_NAME)
    lost = await _in_database(services.sweep_dead_nodes)
    if lost:
        logger.warning("swept %d sessions of dead processes", len(lost))
        await _tell_lost(lost)


async def _end_awaited(stream: str, close: Callable[..., bool], *args: str) -> None:
    """Nobody waits for the publisher; the members of the stream's room hear so."""
    room = await _in_database(services.room_of, stream)
    closed = await _in_database(close, *args)
    if room and closed:
        application, _, stream_id = stream.partition("/")
        await _tell_room(application, room, stream_id)


async def _tell_room(application: str, room: str, stream_id: str) -> None:
    """The members hear that the stream is over."""
    layer = get_channel_layer()
    if layer is None:
        return
    message = events.room_stream(stream_id, "", joined=False)
    try:
        await layer.group_send(events.room_group(application, room), message)
    except ChannelFull:
        log.warning("some members of a room were not told of a stream's end")


async def _tidy() -> None:
    """In a thread apart: it may take long, and commands share the usual one."""
    try:
        await database_sync_to_async(services.tidy, thread_sensitive=False)()
    except Error as error:
        logger.error("tidy: database not available: %s", error)


async def _every(
    seconds: float, job: Callable[[], Awaitable[None]], first_s: float | None = None
) -> None:
    await asyncio.sleep(seconds if first_s is None else first_s)
    while True:
        await _guarded(job)
        await asyncio.sleep(seconds)


async def _guarded(job: Callable[..., Awaitable[None]], *args: Any) -> None:
    """The job is done, or why not is in the log: what comes after it goes on."""
    try:
        await job(*args)
    except Exception:
        logger.exception("%s failed", job.__name__)


async def _tell_lost(lost: Iterable[services.LostSession]) -> None:
    """The sockets of closed sessions hear of it, each once.

    Streams that were awaited had none: their rooms are told here.
    """
    sessions: dict[str, list[str]] = {}
    for session in lost:
        if session.room and not session.channel:
            await _tell_room(session.application, session.room, session.stream_id)
        if session.channel:
            sessions.setdefault(session.channel, []).append(session.session)
    for channel, ids in sessions.items():
        await _tell(channel, {"type": "relay.lost", "sessions": ids})


async def _tell_measured(viewer: control.ViewerReport) -> None:
    """Directly where the socket is of this process; there may be hundreds a second."""
    message = events.viewer_measured(viewer)
    socket = registry.socket_of(viewer.reply_to)
    if socket is not None:
        socket.take_measurement(message)
        return
    layer = get_channel_layer()
    if layer is None or not viewer.reply_to:
        return
    try:
        await layer.send(viewer.reply_to, message)
    except ChannelFull:  # the next one comes soon
        log.warning("a socket does not keep up; one of its measurements is lost")


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
    except Error as error:  # InterfaceError is no DatabaseError
        log.error("%s: database not available: %s", call.__name__, error)
        return None
    return result
