"""A relay that keeps sessions and streams as the real one, and carries no media.

What it has to say by itself (answers, media, losses) it says when a test wants.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from relay import control
from signalling.link import RelayUnavailable

SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
CANDIDATE = "candidate:1 1 udp 1 192.0.2.1 9 typ host"


@dataclass(slots=True)
class RelaySession:
    session: str
    reply_to: str
    stream: str
    publishes: bool
    answered: bool = False  # the client's description is here
    live: bool = False
    parked: bool = False
    described: bool = False  # its answer or offer has been said
    looks: int = 0  # since it waits, for media or for a return


@dataclass(slots=True)
class FakeRelay:
    """`say` gets its events, in order."""

    name: str
    say: Callable[[control.Event], None]
    sessions: dict[str, RelaySession] = field(default_factory=dict)
    publishers: dict[str, str] = field(default_factory=dict)  # stream -> session
    commands: list[control.Command] = field(default_factory=list)
    dead: bool = False  # what is sent to it before the link notices is lost

    def take(self, command: control.Command) -> None:
        """Do what `command` says; a repeated one changes nothing."""
        if self.dead:
            return
        self.commands.append(command)
        match command:
            case control.AcceptOffer():
                self._accept_offer(command)
            case control.CreateOffer():
                self._create_offer(command.session, command.reply_to, command.stream)
            case control.CreateRoomOffer():
                self._add_viewer(command.session, command.reply_to, command.room)
            case control.AcceptAnswer():
                if (found := self.sessions.get(command.session)) is not None:
                    found.answered = True
            case control.CloseSession():
                self._close(command.session, park=command.park)
            case control.EndStream():
                self._close(self.publishers.get(command.stream, ""), park=False)
            case _:
                pass  # nothing of it is kept here

    def _accept_offer(self, command: control.AcceptOffer) -> None:
        if command.session in self.sessions:
            return
        earlier = self.publishers.get(command.stream)
        if earlier is not None:
            self.sessions.pop(earlier, None)
        self.publishers[command.stream] = command.session
        self.sessions[command.session] = RelaySession(
            command.session, command.reply_to, command.stream, True, answered=True
        )

    def _create_offer(self, session: str, reply_to: str, stream: str) -> None:
        if session in self.sessions:
            return
        if stream not in self.publishers:
            self.say(control.Failed(session, reply_to, control.Failure.NO_STREAM))
            return
        self._add_viewer(session, reply_to, stream)

    def _add_viewer(self, session: str, reply_to: str, stream: str) -> None:
        """`stream`: or the room. It is there whether anybody publishes or not."""
        found = RelaySession(session, reply_to, stream, False)
        self.sessions.setdefault(session, found)

    def _close(self, session: str, *, park: bool) -> None:
        found = self.sessions.get(session)
        if found is None:
            return
        if park and found.publishes:
            found.parked, found.looks = True, 0
            return
        del self.sessions[session]
        if found.publishes:
            self._end_stream(found)

    def _end_stream(self, publisher: RelaySession) -> None:
        if self.publishers.get(publisher.stream) != publisher.session:
            return
        del self.publishers[publisher.stream]
        for viewer in list(self.sessions.values()):
            if viewer.stream == publisher.stream and not viewer.publishes:
                del self.sessions[viewer.session]
                self.say(_closed(viewer, control.CloseReason.STREAM_ENDED))

    # What it says by itself.

    def describe(self, found: RelaySession) -> None:
        """Its answer to a publisher, or its offer to a viewer."""
        candidates = (CANDIDATE,)
        about = found.session, found.reply_to, SDP, candidates
        found.described = True
        if found.publishes:
            self.say(control.Answered(*about))
        else:
            self.say(control.Offered(*about, {"0": f"ARDAMSa{found.stream}"}))

    def start(self, found: RelaySession) -> None:
        """Media flows."""
        found.live = True
        self.say(control.Started(found.session, found.reply_to))

    def fail(self, found: RelaySession, failure: control.Failure) -> None:
        self.say(control.Failed(found.session, found.reply_to, failure))
        self._close(found.session, park=False)

    def lose(self, found: RelaySession) -> None:
        """Its peer connection is gone; a publisher's stream waits."""
        self.say(_closed(found, control.CloseReason.LOST))
        self._close(found.session, park=found.live)

    def time_out(self, found: RelaySession) -> None:
        self.say(_closed(found, control.CloseReason.START_TIMEOUT))
        self._close(found.session, park=False)

    def end_wait(self, found: RelaySession) -> None:
        """The return window of a parked stream is over."""
        self.say(control.StreamEnded(found.stream, found.session))
        self._close(found.session, park=False)

    def look_at_waits(self) -> None:
        """Who was found waiting the last time too has waited too long."""
        for found in list(self.sessions.values()):
            if found.live and not found.parked:
                continue
            found.looks += 1
            if found.looks > 1 and found.session in self.sessions:
                (self.end_wait if found.parked else self.time_out)(found)

    def die(self) -> None:
        """Nothing is left, and nothing is said of it."""
        self.dead = True
        self.sessions.clear()
        self.publishers.clear()


@dataclass(slots=True)
class FakeLink:
    """The way to the relays, which may be cut, slow or full.

    `unheard`: sessions that a relay was not told to close. It keeps them until
    their peers go.
    """

    relays_by_name: dict[str, FakeRelay] = field(default_factory=dict)
    up: set[str] = field(default_factory=set)
    delay_s: float = 0.0
    full: bool = False
    unheard: set[str] = field(default_factory=set)

    def relays(self) -> tuple[str, ...]:
        return tuple(sorted(self.up))

    async def send(self, relay: str, command: control.Command) -> None:
        if relay not in self.up:
            raise RelayUnavailable(relay)
        if self.full:
            if isinstance(command, control.CloseSession):
                self.unheard.add(command.session)
            raise RelayUnavailable(relay)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
            if relay not in self.up:
                raise RelayUnavailable(relay)
        self.relays_by_name[relay].take(command)


def _closed(found: RelaySession, reason: control.CloseReason) -> control.Closed:
    return control.Closed(found.session, found.reply_to, reason)
