"""Rows of live sessions under every service, in any order, late and repeated.

The services are called with any session that ever was, as late events of relays and
retries do. The model is one dictionary of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from streams import services
from streams.models import Application, Broadcast, Ending, LiveSession
from streams.policy import AccessDenied, Denial
from streams.refusals import refusals
from tests.stateful.search import search
from tests.streams.conftest import LOAD, TurnableClock

CHANNELS = ("one", "two", "three")
STREAMS = ("s1", "s2")
ROOMS = ("hall", "lounge")
RELAYS = ("relay-1", "relay-2")
NODE = "asgi-1"

channels = st.sampled_from(CHANNELS)
streams = st.sampled_from(STREAMS)
indexes = st.integers(0, 30)
# Of those that are up, as one process sees it.
some_relays = st.sampled_from(((), RELAYS[:1], RELAYS[1:], RELAYS))


@dataclass
class Row:
    role: str
    stream: str
    channel: str
    relay: str = ""
    state: str = "preparing"
    restored: bool = False
    until_s: float = 0.0
    ending: str = ""

    @property
    def flows(self) -> bool:
        return self.role == "publish" and (self.state != "preparing" or self.restored)

    @property
    def can_wait(self) -> bool:
        live = self.state == "live"
        return self.role == "publish" and (
            live or (self.restored and self.state == "preparing")
        )


class Services(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.clock = TurnableClock()
        self.start = self.clock.now
        services.register_node(NODE, "asgi", self.clock)
        self.application = Application.objects.get(name="LiveApp")
        self.rows: dict[str, Row] = {}
        self.known: list[str] = []  # every session that ever was

    def teardown(self) -> None:
        try:
            for channel in CHANNELS:
                services.close_socket(channel, self.clock)
            self.clock.turn(seconds=60)
            services.heartbeat(NODE, self.clock)
            services.sweep_dead_nodes(self.clock())
            assert not LiveSession.objects.exists()
            assert not Broadcast.objects.exists()
        finally:
            refusals.take()
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    @property
    def now_s(self) -> float:
        return (self.clock.now - self.start).total_seconds()

    def socket(self, channel: str) -> services.SocketInfo:
        return services.SocketInfo(channel, NODE, "192.0.2.1", "a browser")

    def session(self, index: int) -> str:
        return self.known[index % len(self.known)] if self.known else "0" * 32

    def publisher(self, stream: str) -> tuple[str, Row] | None:
        found = [
            (key, row)
            for key, row in self.rows.items()
            if (row.role, row.stream) == ("publish", stream)
        ]
        return found[0] if found else None

    def keep(self, session: str, row: Row) -> None:
        assert session not in self.known
        self.known.append(session)
        self.rows[session] = row

    def expect(self, denial: Denial | None, call: Callable[..., Any]) -> Any:
        """What the call returns, unless it is refused, and then as expected."""
        if denial is None:
            return call()
        with pytest.raises(AccessDenied) as raised:
            call()
        assert raised.value.reason is denial
        return None

    # Who comes.

    @rule(channel=channels, stream=streams, relays=some_relays)
    def publish(self, channel: str, stream: str, relays: tuple[str, ...]) -> None:
        found = self.publisher(stream)
        denial = None
        if not relays:
            denial = Denial.NOT_INITIALIZED
        elif found is not None and found[1].state != "parked":
            own = found[1].channel == channel
            denial = Denial.ALREADY_PUBLISHING if own else Denial.ID_IN_USE
        request = services.PublishRequest("LiveApp", stream)
        grant = self.expect(
            denial,
            lambda: services.open_publish(
                request, self.socket(channel), LOAD, relays, self.clock
            ),
        )
        if denial is not None:
            return
        restored, ending = False, ""
        if found is not None:
            parked = self.rows.pop(found[0])
            ending = parked.ending  # who goes on with it is ended at the next look
            restored = parked.relay in relays and self.now_s <= parked.until_s
            assert not restored or grant.relay == parked.relay
        assert grant.restored is restored
        assert grant.relay in relays
        self.keep(
            grant.session,
            Row(
                "publish",
                stream,
                channel,
                grant.relay,
                restored=restored,
                ending=ending,
            ),
        )

    @rule(channel=channels, stream=streams, relays=some_relays)
    def play(self, channel: str, stream: str, relays: tuple[str, ...]) -> None:
        found = self.publisher(stream)
        own = [
            row
            for row in self.rows.values()
            if (row.role, row.channel, row.stream) == ("play", channel, stream)
        ]
        denial = None
        if not relays:
            denial = Denial.NOT_INITIALIZED
        elif own:
            denial = Denial.ALREADY_PLAYING
        elif found is None or not found[1].flows or found[1].relay not in relays:
            denial = Denial.NO_STREAM
        request = services.PlayRequest("LiveApp", stream)
        grant = self.expect(
            denial,
            lambda: services.open_play(
                request, self.socket(channel), LOAD, relays, self.clock
            ),
        )
        if denial is None:
            assert found is not None
            assert grant.relay == found[1].relay
            self.keep(grant.session, Row("play", stream, channel, grant.relay))

    @rule(channel=channels, stream=streams)
    def join(self, channel: str, stream: str) -> None:
        there = {
            key: row
            for key, row in self.rows.items()
            if (row.role, row.stream) == ("peer", stream)
        }
        others = {key for key, row in there.items() if row.channel != channel}
        request = services.PeerRequest("LiveApp", stream)
        grant = self.expect(
            Denial.NO_SEAT if len(others) == 2 else None,
            lambda: services.open_peer(
                request, self.socket(channel), LOAD, (), self.clock
            ),
        )
        if grant is None:
            return
        for key in there.keys() - others:
            del self.rows[key]
        other = grant.other.session if grant.other else ""
        assert {other} - {""} == others
        self.keep(grant.session, Row("peer", stream, channel, state="live"))

    @rule(channel=channels, stream=streams, room=st.sampled_from(ROOMS))
    def join_room(self, channel: str, stream: str, room: str) -> None:
        request = services.RoomRequest("LiveApp", room, stream)
        grant = services.join_room(request, self.socket(channel), LOAD, (), self.clock)
        members = {row.pk: row for row in LiveSession.objects.filter(room=room)}
        assert members[grant.session].channel == channel
        gone = [
            key
            for key, row in self.rows.items()
            if (row.role, row.channel) == ("participant", channel)
            and not LiveSession.objects.filter(pk=key).exists()
        ]
        for key in gone:
            assert self.rows[key].stream == stream or self.rows[key].relay == room
            del self.rows[key]
        # `relay`: a participant has none; its room is kept there.
        row = Row("participant", stream, channel, room, state="live")
        self.keep(grant.session, row)

    # What becomes of them.

    @rule(index=indexes)
    def start_media(self, index: int) -> None:
        session = self.session(index)
        row = self.rows.get(session)
        fresh = row is not None and row.state == "preparing"
        assert (services.mark_started(session, self.clock) is not None) is fresh
        if row is not None and fresh:
            row.state = "live"

    @rule(index=indexes)
    def close(self, index: int) -> None:
        session = self.session(index)
        there = self.rows.pop(session, None) is not None
        assert services.close_session(session, "", self.clock) is there

    @rule(index=indexes)
    def park(self, index: int) -> None:
        session = self.session(index)
        row = self.rows.get(session)
        waits = row is not None and row.can_wait
        assert services.park_session(session, self.clock) is waits
        if row is not None and waits:
            self.wait(row)

    def wait(self, row: Row) -> None:
        row.state, row.channel = "parked", ""
        row.until_s = self.now_s + self.application.return_window_ms / 1000

    @rule(index=indexes, stream=streams)
    def end_wait(self, index: int, stream: str) -> None:
        session = self.session(index)
        row = self.rows.get(session)
        there = row is not None and (row.state, row.stream) == ("parked", stream)
        assert services.close_parked(f"LiveApp/{stream}", session, self.clock) is there
        if there:
            del self.rows[session]

    @rule(channel=channels)
    def lose_socket(self, channel: str) -> None:
        own = {key: row for key, row in self.rows.items() if row.channel == channel}
        closed = services.close_socket(channel, self.clock)
        assert {(s.session, s.parked) for s in closed} == {
            (key, row.can_wait) for key, row in own.items()
        }
        for key, row in own.items():
            if row.can_wait:
                self.wait(row)
            else:
                del self.rows[key]
        assert services.close_socket(channel, self.clock) == []

    @rule(relay=st.sampled_from(RELAYS))
    def lose_relay(self, relay: str) -> None:
        own = [
            key
            for key, row in self.rows.items()
            if row.relay == relay and row.role in ("publish", "play")
        ]
        lost = services.close_relay(relay, self.clock)
        assert {row.session for row in lost} == set(own)
        for key in own:
            del self.rows[key]

    @rule(stream=streams)
    def operator_stops(self, stream: str) -> None:
        found = self.publisher(stream)
        fresh = found is not None and not found[1].ending
        assert services.stop_stream(self.application.pk, stream) is fresh
        if found is not None and fresh:
            found[1].ending = Ending.STOPPED
        wanted = {row.session for row in services.wanted_endings(NODE)}
        assert wanted == {key for key, row in self.rows.items() if row.ending}

    @rule(seconds=st.sampled_from((1, 6, 16)))
    def pass_time(self, seconds: int) -> None:
        """The process lives: it beats, and sweeps what has waited too long."""
        for _ in range(seconds):
            self.clock.now += timedelta(seconds=1)
            services.heartbeat(NODE, self.clock)
        swept = services.sweep_dead_nodes(self.clock())
        overdue = {
            key
            for key, row in self.rows.items()
            if row.state == "parked" and row.until_s + 5 < self.now_s
        }
        assert {row.session for row in swept} == overdue
        for key in overdue:
            del self.rows[key]

    # What must hold.

    @invariant()
    def rows_are_those_of_the_model(self) -> None:
        found = {
            row.pk: (row.role, row.stream_id, row.channel, row.state, row.ending)
            for row in LiveSession.objects.all()
        }
        assert found == {
            key: (row.role, row.stream, row.channel, row.state, row.ending)
            for key, row in self.rows.items()
        }

    @invariant()
    def seats_are_two(self) -> None:
        peers = LiveSession.objects.filter(role="peer").values_list("stream_id", "seat")
        assert len(set(peers)) == len(peers)
        assert {seat for _, seat in peers} <= {1, 2}

    @invariant()
    def broadcasts_are_of_publishers(self) -> None:
        published = {
            row.stream: row.state for row in self.rows.values() if row.role == "publish"
        }
        statuses = dict(Broadcast.objects.values_list("stream_id", "status"))
        assert statuses.keys() == published.keys()
        for stream, state in published.items():
            if state != "preparing":
                assert statuses[stream] == "broadcasting"


def test_services_keep_the_rows_of_the_model(db: None) -> None:
    run_state_machine_as_test(Services, settings=search(50, 40))
