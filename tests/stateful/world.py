"""One server process with its sockets, relays and database, in one thread.

Time is the loop's own. The database is the test's, in a transaction that is rolled
back when the world ends; it can be slow or away. Nothing runs between two calls of
a test, so what it looks at does not move.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers
from django.db import OperationalError, transaction

from relay import control
from signalling import load, registry, store
from signalling import supervisor as supervisor_module
from signalling.consumer import SignallingConsumer
from signalling.context import Context
from signalling.link import set_link
from signalling.session import SocketSession
from streams import services
from streams.models import Application, LiveSession
from streams.refusals import refusals
from tests.stateful.fake_relay import FakeLink, FakeRelay
from tests.stateful.virtual_loop import VirtualLoop

APPLICATION = "LiveApp"
RELAYS = ("relay-1", "relay-2")
# Later than any process was born: an older node is taken for another process.
LOGGERS = tuple(logging.getLogger(name) for name in ("signalling", "streams"))
BIRTH = datetime(2100, 1, 1, tzinfo=UTC)
BEAT_S = 8.0  # a longer gap would count as one


class Database:
    """Calls of services, one at a time and in order, as the one thread does them.

    `delay_s` is how long a call takes, its effect in the middle of it; while it is
    `away` every call fails.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.away = False
        self._turn = asyncio.Lock()

    def wrap(self, call: Callable[..., Any], **_: bool) -> Callable[..., Any]:
        """In place of `database_sync_to_async`."""

        async def run(*args: Any) -> Any:
            async with self._turn:
                await asyncio.sleep(self.delay_s / 2)
                if self.away:
                    raise OperationalError("away")
                try:
                    return _outside_the_loop(call, *args)
                finally:
                    await asyncio.sleep(self.delay_s / 2)

        return run


def _outside_the_loop(call: Callable[..., Any], *args: Any) -> Any:
    """Django has another connection for code inside a loop, and guards this one."""
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return call(*args)
    finally:
        asyncio._set_running_loop(loop)


class Records(logging.Handler):
    """The lines that were logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record)


@dataclass(slots=True, eq=False)
class Socket:
    """A client, and the consumer at its other end."""

    name: str
    consumer: SignallingConsumer
    task: asyncio.Task[None]
    inbox: asyncio.Queue[dict[str, Any]]
    heard: list[dict[str, Any]] = field(default_factory=list)

    @property
    def context(self) -> Context:
        context: Context = self.consumer._context
        return context

    @property
    def session(self) -> SocketSession:
        return self.context.session

    @property
    def channel(self) -> str:
        channel: str = self.consumer._channel
        return channel

    @property
    def is_open(self) -> bool:
        return not self.task.done()

    def say(self, command: str, stream_id: str | None = None, **rest: Any) -> None:
        """Sent, and not yet read."""
        body = {"command": command, **rest}
        if stream_id is not None:
            body["streamId"] = stream_id
        text = json.dumps(body)
        self.inbox.put_nowait({"type": "websocket.receive", "text": text})

    def hang_up(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def take_heard(self) -> list[dict[str, Any]]:
        heard = list(self.heard)
        self.heard.clear()
        return heard


class World:
    """Everything of one example; `end` leaves nothing of it."""

    def __init__(self) -> None:
        self._patches = pytest.MonkeyPatch()
        self._moments = itertools.count()
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self.loop = VirtualLoop()
        self.database = Database()
        self.records = Records()
        self.layer = InMemoryChannelLayer(capacity=100)
        self.link = FakeLink()
        self.sockets: list[Socket] = []
        self.losing: set[type[Any]] = set()  # kinds of events that do not arrive
        self.spoken: list[tuple[str, control.Event]] = []
        self.down: set[str] = set()  # relays that nobody has started again
        self._words: dict[str, asyncio.Queue[control.Event | None]] = {}
        self._pumps: list[asyncio.Task[None]] = []
        self._patch()
        self.supervisor = supervisor_module.Supervisor(())
        self.supervisor.link = self.link  # type: ignore[assignment]  # as good
        for name in RELAYS:
            self._add_relay(name)
        self.loop.complete(supervisor_module._register())
        self.application = Application.objects.get(name=APPLICATION)

    def _patch(self) -> None:
        patch = self._patches.setattr
        numbers = itertools.count(1)
        patch("django.utils.timezone.datetime", SimpleNamespace(now=self.now))
        patch(uuid, "uuid4", lambda: uuid.UUID(int=next(numbers)))
        patch(store, "database_sync_to_async", self.database.wrap)
        patch(supervisor_module, "database_sync_to_async", self.database.wrap)
        patch(load.sampler, "start", lambda: None)
        channel_layers.set("default", self.layer)
        set_link(self.link)
        for logger in LOGGERS:
            logger.addHandler(self.records)
            patch(logger, "propagate", False)

    def now(self, tz: object = UTC) -> datetime:
        """No two moments are the same."""
        moment = timedelta(seconds=self.loop.time(), microseconds=next(self._moments))
        return BIRTH + moment

    # Sockets.

    def open(self, name: str, path: str = APPLICATION) -> Socket:
        consumer = SignallingConsumer()
        inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        heard: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.send":
                heard.append(json.loads(message["text"]))

        scope = {
            "type": "websocket",
            "url_route": {"kwargs": {"application": path}},
            "client": ("192.0.2.7", 40000),
            "headers": [],
        }
        inbox.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(consumer(scope, inbox.get, send))
        socket = Socket(name, consumer, task, inbox, heard)
        self.sockets.append(socket)
        return socket

    def open_sockets(self) -> list[Socket]:
        return [socket for socket in self.sockets if socket.is_open]

    # Relays.

    def _add_relay(self, name: str) -> None:
        words: asyncio.Queue[control.Event | None] = asyncio.Queue()
        self._words[name] = words

        def say(event: control.Event) -> None:
            self.spoken.append((name, event))
            if type(event) not in self.losing:
                words.put_nowait(event)

        self.link.relays_by_name[name] = FakeRelay(name, say)
        self._pumps.append(self.loop.create_task(self._pump(name, words)))
        self.raise_relay(name)

    async def _pump(
        self, name: str, words: asyncio.Queue[control.Event | None]
    ) -> None:
        """As the link reads one relay: an event after the other, then its end."""
        while True:
            event = await words.get()
            if event is None:
                self.link.up.discard(name)
                await self.supervisor.handle_loss(name)
                continue
            await self.supervisor.handle_event(name, event)
            if isinstance(event, control.Ready):
                self.relay(name).dead = False
                self.link.up.add(name)

    def relay(self, name: str) -> FakeRelay:
        return self.link.relays_by_name[name]

    def raise_relay(self, name: str) -> None:
        """A new process of that name starts."""
        self.down.discard(name)
        self._words[name].put_nowait(control.Ready(name, 1, 1))

    def drop_relay(self, name: str) -> None:
        """It dies; the link finds out when it has read what it had said."""
        self.relay(name).die()
        self.down.add(name)
        self._words[name].put_nowait(None)

    def repeat(self, relay: str, event: control.Event) -> None:
        self._words[relay].put_nowait(event)

    # Time and the supervisor's duties.

    def settle(self) -> None:
        self.loop.settle()

    def pass_time(self, seconds: float) -> None:
        """The process and its relays do their duties meanwhile."""
        while seconds > 0:
            step = min(seconds, BEAT_S)
            self.loop.advance(step)
            self.do_duties()
            seconds -= step

    def do_duties(self) -> None:
        for name in sorted(self.link.up):
            self._words[name].put_nowait(control.Report(name, (), 0))
            self.relay(name).look_at_waits()
        self.run(supervisor_module._guarded(supervisor_module._beat))
        self.run(supervisor_module._guarded(self.supervisor.close_lost_relays))
        self.run(supervisor_module._guarded(self.supervisor.end_sessions))

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Started; done when nothing that it waits for takes time."""
        task = self.loop.create_task(work)
        self._pumps.append(task)
        self.settle()

    # What there is.

    def rows(self) -> list[LiveSession]:
        return list(LiveSession.objects.order_by("created_at", "pk"))

    def end_stream(self, stream_id: str) -> None:
        """By an operator."""
        services.stop_stream(self.application.pk, stream_id)
        self.run(supervisor_module._guarded(self.supervisor.end_sessions))

    def strays(self) -> list[str]:
        """Tasks that nobody owns any more, once every socket is closed."""
        own = {*self._pumps, *(socket.task for socket in self.sockets)}
        return [str(task) for task in asyncio.all_tasks(self.loop) - own]

    def end(self) -> None:
        """The process is gone, and every row that it wrote."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.settle()
        self.loop.close()
        for logger in LOGGERS:
            logger.removeHandler(self.records)
        set_link(None)
        channel_layers.backends.pop("default", None)
        refusals.take()
        registry.reopen()
        self._patches.undo()
        transaction.set_rollback(True)
        self._transaction.__exit__(None, None, None)
