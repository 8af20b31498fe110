"""A relay's commands in any order and repeated, with losses: nothing of it stays.

The real router, rooms and peers, with their DTLS ends but without packets: that a
peer is connected or gone is said to the router as the peer would say it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from relay import control
from relay.publisher import Publisher
from relay.room_viewer import RoomViewer
from relay.router import Router
from relay.subscriber import Subscriber
from tests.relay.clients import CODECS
from tests.relay.raw_peer import RawPeer
from tests.stateful.search import search
from tests.stateful.virtual_loop import VirtualLoop

STREAMS = ("s1", "s2", "s3")
ROOMS = ("", "hall", "lounge")
ROLES = ("default", "speaker")
WINDOW_MS, START_MS = 5000, 4000
LONG_S = 60.0  # longer than any timer of a relay
# A timer to start and one for an answer for each peer, one for each stream's window,
# two for each room.
TIMERS_OF_A_PEER, TIMERS_OF_A_ROOM = 2, 2

indexes = st.integers(0, 30)
streams = st.sampled_from(STREAMS)
rooms = st.sampled_from(ROOMS)
roles = st.sampled_from(ROLES)


class Relay(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.events: list[control.Event] = []
        self.commands: list[control.Command] = []
        self.sessions: list[str] = []
        self.offers: dict[str, str] = {}  # to a viewer, not yet answered
        self.answers = 0
        self.do(self.begin)

    def begin(self) -> None:
        candidates = ("candidate:1 1 udp 1 192.0.2.1 9 typ host",)
        self.client = RawPeer(9)
        self.router = Router("relay-1", self.say, candidates, self.loop.time)

    def say(self, event: control.Event) -> None:
        self.events.append(event)
        if isinstance(event, control.Offered):
            before = self.offers.get(event.session)
            assert before in (None, event.sdp), "two offers, and no answer between"
            self.offers[event.session] = event.sdp
        if isinstance(event, control.Failed | control.Closed):
            self.offers.pop(event.session, None)

    def do(self, call: Callable[[], object]) -> None:
        """In the loop, and all that follows at once."""

        async def run() -> None:
            call()

        self.loop.complete(run())

    def handle(self, command: control.Command) -> None:
        self.commands.append(command)
        self.do(lambda: self.router.handle(command))

    def new_session(self) -> str:
        self.sessions.append(f"{len(self.sessions):032x}")
        return self.sessions[-1]

    def session(self, index: int) -> str:
        return self.sessions[index % len(self.sessions)] if self.sessions else "none"

    # Commands.

    @rule(
        stream=streams,
        room=rooms,
        role=roles,
        audio=st.booleans(),
        video=st.booleans(),
        start=st.booleans(),
    )
    def publish(
        self, stream: str, room: str, role: str, audio: bool, video: bool, start: bool
    ) -> None:
        session = self.new_session()
        self.handle(
            control.AcceptOffer(
                session,
                "socket",
                f"LiveApp/{stream}",
                self.client.offer(audio=audio, video=video),
                CODECS,
                START_MS,
                WINDOW_MS,
                room=f"LiveApp/{room}" if room else "",
                role=role,
            )
        )
        if start:
            self.start(session)

    @rule(stream=streams, connect=st.booleans())
    def play(self, stream: str, connect: bool) -> None:
        session = self.new_session()
        key = f"LiveApp/{stream}"
        self.handle(control.CreateOffer(session, "socket", key, START_MS))
        if connect:
            self.answer_offer(session)
            self.start(session)

    @rule(
        room=st.sampled_from(ROOMS[1:]),
        sees=st.sets(roles),
        own=st.sets(streams, max_size=1),
        slots=st.sampled_from((-1, 0, 2)),
        data=st.booleans(),
        connect=st.booleans(),
    )
    def play_room(
        self,
        room: str,
        sees: set[str],
        own: set[str],
        slots: int,
        data: bool,
        connect: bool,
    ) -> None:
        session = self.new_session()
        self.handle(
            control.CreateRoomOffer(
                session,
                "socket",
                f"LiveApp/{room}",
                START_MS,
                tuple(sorted(sees)),
                tuple(sorted(own)),
                video_codecs=CODECS,
                max_video_tracks=slots,
                max_audio_tracks=slots,
                audio_levels=slots > 0,
                data_channels=data,
            )
        )
        if connect:
            self.answer_offer(session)
            self.start(session)

    @rule(index=indexes)
    def answer(self, index: int) -> None:
        self.answer_offer(self.session(index))

    def answer_offer(self, session: str) -> None:
        offer = self.offers.pop(session, None)
        if offer is None:
            return
        self.answers += 1
        sdp = self.client.answer(offer)
        # As browsers do: no two answers are the same text.
        sdp = sdp.replace("o=- 1 2", f"o=- 1 {self.answers + 2}")
        self.handle(control.AcceptAnswer(session, sdp))

    @rule(index=indexes, sdp=st.sampled_from(("", "v=0\r\n", "nonsense")))
    def answer_nonsense(self, index: int, sdp: str) -> None:
        self.handle(control.AcceptAnswer(self.session(index), sdp))

    @rule(index=indexes, park=st.booleans())
    def close(self, index: int, park: bool) -> None:
        session = self.session(index)
        self.offers.pop(session, None)
        self.handle(control.CloseSession(session, park=park))
        assert self.router.peer(session) is None

    @rule(stream=streams)
    def end_stream(self, stream: str) -> None:
        self.handle(control.EndStream(f"LiveApp/{stream}"))
        assert self.router.stream(f"LiveApp/{stream}") is None

    @rule(stream=streams, room=rooms, role=roles)
    def move(self, stream: str, room: str, role: str) -> None:
        key = f"LiveApp/{room}" if room else ""
        self.handle(control.SetRoom(f"LiveApp/{stream}", key, role))

    @rule(
        index=indexes,
        track=st.sampled_from(("", *STREAMS, "hall")),
        video=st.sampled_from((None, True, False)),
        audio=st.sampled_from((None, True, False)),
    )
    def set_tracks(
        self, index: int, track: str, video: bool | None, audio: bool | None
    ) -> None:
        self.handle(control.SetTracks(self.session(index), track, video, audio))

    @rule(
        index=indexes,
        track=st.sampled_from(("", *STREAMS, "hall")),
        height=st.sampled_from((0, 240, 16_384)),
    )
    def force_quality(self, index: int, track: str, height: int) -> None:
        self.handle(control.ForceQuality(self.session(index), track, height))

    @rule(
        index=indexes,
        label=st.sampled_from(("videoTrack0", "videoTrack1", "videoTrack9", "x")),
        track=streams,
        enabled=st.booleans(),
    )
    def pin(self, index: int, label: str, track: str, enabled: bool) -> None:
        session = self.session(index)
        self.handle(control.AssignVideoTrack(session, label, track, enabled))

    @rule(index=indexes, offset=st.integers(0, 3), size=st.integers(0, 3))
    def page(self, index: int, offset: int, size: int) -> None:
        session = self.session(index)
        self.handle(control.PageVideoTracks(session, offset, size))
        self.handle(control.LimitVideoTracks(session, size - 1))
        self.handle(control.TellAssignments(session))

    @rule(who=st.sampled_from(("s1", "hall", "nothing")))
    def say_data(self, who: str) -> None:
        self.handle(control.SendData(f"LiveApp/{who}", "text"))

    @rule(index=indexes)
    def repeat(self, index: int) -> None:
        """The same once more, perhaps long after."""
        if self.commands:
            command = self.commands[-1 - index % len(self.commands)]
            self.do(lambda: self.router.handle(command))

    # What peers do.

    @rule(index=indexes)
    def connect(self, index: int) -> None:
        self.start(self.session(index))

    def start(self, session: str) -> None:
        peer = self.router.peer(session)
        if peer is None or peer.started:
            return
        if isinstance(peer, Publisher):
            self.do(lambda: self.router.publisher_started(peer))
        elif isinstance(peer, Subscriber) and session not in self.offers:
            self.do(peer.on_connected)

    @rule(index=indexes)
    def lose(self, index: int) -> None:
        peer = self.router.peer(self.session(index))
        if peer is not None:
            self.do(peer.lose)
            self.do(peer.lose)

    @rule(seconds=st.sampled_from((0.1, 3.0, 7.0)))
    def pass_time(self, seconds: float) -> None:
        self.loop.advance(seconds)
        self.do(self.router._tick)

    # What must hold.

    @invariant()
    def peers_are_found_by_both_names(self) -> None:
        peers = self.router._peers
        found = {peer.session: peer for peer in self.router._by_ufrag.values()}
        assert found == peers
        assert not any(peer.closed for peer in peers.values())

    @invariant()
    def streams_have_a_publisher_or_an_end(self) -> None:
        for key, stream in self.router._streams.items():
            assert stream.key == key
            if stream.publisher is None:
                assert stream.expiry is not None
                assert stream.has_started
            else:
                assert self.router.peer(stream.publisher.session) is stream.publisher
                assert stream.expiry is None
            for session, viewer in stream.viewers.items():
                assert self.router.peer(session) is viewer

    @invariant()
    def publishers_and_viewers_have_a_stream(self) -> None:
        rooms = self.router.rooms
        for session, peer in self.router._peers.items():
            if isinstance(peer, Publisher):
                assert peer.stream is not None
                assert peer.stream.publisher is peer
            elif isinstance(peer, RoomViewer):
                assert rooms.get(peer.room.key) is peer.room
                assert peer.room.viewers[session] is peer
            else:
                assert session in peer.stream.viewers  # type: ignore[attr-defined]

    @invariant()
    def rooms_are_of_who_is_in_them(self) -> None:
        rooms = self.router.rooms
        used = {s.room.key for s in self.router._streams.values() if s.room}
        used |= {
            peer.room.key
            for peer in self.router._peers.values()
            if isinstance(peer, RoomViewer)
        }
        assert set(rooms._rooms) == used
        for room in rooms._rooms.values():
            for participant in room.participants.values():
                key = participant.stream.key
                assert self.router.stream(key) is participant.stream

    @invariant()
    def timers_are_bounded(self) -> None:
        most = TIMERS_OF_A_PEER * len(self.router._peers) + len(self.router._streams)
        most += TIMERS_OF_A_ROOM * len(self.router.rooms)
        assert len(self.loop.timers()) <= most

    def teardown(self) -> None:
        try:
            for session in self.sessions:
                command = control.CloseSession(session)
                self.do(lambda command=command: self.router.handle(command))  # type: ignore[misc]
            self.loop.advance(LONG_S)
            router = self.router
            assert not router._peers
            assert not router._by_ufrag
            assert not router._by_address
            assert not router._streams
            assert not router._dirty
            assert not router._tasks
            assert len(router.rooms) == 0
            assert self.loop.timers() == []
        finally:
            self.loop.close()


def test_a_relay_keeps_nothing() -> None:
    logging.getLogger("relay").setLevel(logging.ERROR)
    try:
        run_state_machine_as_test(Relay, settings=search(200, 50))
    finally:
        logging.getLogger("relay").setLevel(logging.NOTSET)
