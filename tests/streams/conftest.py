"""An application, two sockets, and a clock that tests turn."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from streams import services
from streams.models import Application

LOAD = services.Load(cpu_percent=10.0, free_ram_mb=4000.0)
RELAYS = ("relay-1",)


@dataclass
class TurnableClock:
    # Later than any process was born: an older node is taken for another process.
    now: datetime = datetime(2100, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def application(db: None) -> Application:
    return Application.objects.get(name="LiveApp")


@pytest.fixture
def node(db: None, clock: TurnableClock) -> str:
    services.register_node("asgi-1", "asgi", clock)
    return "asgi-1"


@pytest.fixture
def alice(node: str) -> services.SocketInfo:
    return services.SocketInfo("channel-alice", node, "192.0.2.1", "Firefox")


@pytest.fixture
def bob(node: str) -> services.SocketInfo:
    return services.SocketInfo("channel-bob", node, "192.0.2.2", "Chromium")


Publish = Callable[..., services.PublishGrant]
Play = Callable[..., services.PlayGrant]
Arrange = Callable[[str, Callable[[], object]], None]


@pytest.fixture
def publish(application: Application, clock: TurnableClock) -> Publish:
    """Publishes `cam` unless told otherwise."""

    def call(
        socket: services.SocketInfo,
        stream_id: str = "cam",
        *,
        load: services.Load = LOAD,
        relays: tuple[str, ...] = RELAYS,
        **fields: Any,
    ) -> services.PublishGrant:
        request = services.PublishRequest(application.name, stream_id)
        return services.open_publish(
            replace(request, **fields),
            socket,
            load,
            relays,
            clock,
        )

    return call


@pytest.fixture
def play(application: Application, clock: TurnableClock) -> Play:
    """Plays `cam` unless told otherwise."""

    def call(
        socket: services.SocketInfo,
        stream_id: str = "cam",
        *,
        load: services.Load = LOAD,
        relays: tuple[str, ...] = RELAYS,
        **fields: Any,
    ) -> services.PlayGrant:
        request = services.PlayRequest(application.name, stream_id)
        return services.open_play(
            replace(request, **fields),
            socket,
            load,
            relays,
            clock,
        )

    return call


@pytest.fixture
def live(publish: Publish, clock: TurnableClock) -> Publish:
    """Publishes and starts."""

    def call(
        socket: services.SocketInfo, *args: Any, **kwargs: Any
    ) -> services.PublishGrant:
        grant = publish(socket, *args, **kwargs)
        assert services.mark_started(grant.session, clock)
        return grant

    return call


@contextmanager
def at_most(queries: int) -> Iterator[None]:
    """Bounds the statements of the block, those of transactions aside."""
    with CaptureQueriesContext(connection) as captured:
        yield
    words = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
    statements = [
        query["sql"]
        for query in captured.captured_queries
        if not query["sql"].startswith(words)
    ]
    assert len(statements) <= queries, "\n".join(statements)


@pytest.fixture
def on_first_decision(
    monkeypatch: pytest.MonkeyPatch,
) -> Arrange:
    """Lets another act between a command's look at the rows and its write."""

    def arrange(rule: str, act: Callable[[], object]) -> None:
        module = importlib.import_module(
            f"streams.services.{'publishing' if 'publish' in rule else 'playing'}"
        )
        decide = getattr(module, rule)
        acts = [act]

        def decide_and_act(facts: object) -> None:
            decide(facts)
            if acts:
                acts.pop()()

        monkeypatch.setattr(module, rule, decide_and_act)

    return arrange
