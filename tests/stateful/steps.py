"""How sockets, relays and the model of both go on together, one step at a time."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis.stateful import RuleBasedStateMachine

from relay import control
from tests.stateful.fake_relay import RelaySession
from tests.stateful.model import Model, Publisher, Viewer
from tests.stateful.world import RELAYS, Socket, World

LONG_S = 24.0  # longer than any attempt or parked stream lasts


class Steps(RuleBasedStateMachine):
    """A machine without rules: what those of `test_sockets` are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.settle()
        self.model = Model(RELAYS)
        self.sessions: dict[str, tuple[str, str, str]] = {}
        self.looked_at = 0  # of what relays have said

    def step(self, happen: Callable[[], object]) -> None:
        """It happens, in the model already, and so does all that follows from it."""
        self.sessions |= {
            row.pk: (row.role, row.stream_id, self.name_of(row.channel))
            for row in self.world.rows()
        }
        happen()
        self.world.settle()
        while self.looked_at < len(self.world.spoken):
            _, event = self.world.spoken[self.looked_at]
            self.looked_at += 1
            self.follow(event)

    def follow(self, event: control.Event) -> None:
        """What a relay has said of itself in this step."""
        if isinstance(event, control.Closed):
            _, stream, socket = self.sessions.get(event.session, ("", "", ""))
            viewer = self.model.viewers.get((socket, stream))
            if viewer and event.reason is control.CloseReason.STREAM_ENDED:
                self.model.end_viewer(viewer, f"play_finished {stream}")
        elif isinstance(event, control.Failed) and event.session not in self.sessions:
            self.follow_failure(event)

    def follow_failure(self, event: control.Failed) -> None:
        """A relay that does not know the stream any more."""
        for viewer in list(self.model.viewers.values()):
            found = self.find(viewer.socket).session.get(event.session)
            if found is None and viewer.phase == "preparing":
                attempts = self.find(viewer.socket).session.attempts()
                if viewer.stream not in [a.stream_id for a in attempts]:
                    self.model.end_viewer(viewer)
                    self.model.find_no_stream(viewer.socket, viewer.stream)

    def name_of(self, channel: str) -> str:
        names = {s.channel: s.name for s in self.world.open_sockets() if s.channel}
        return names.get(channel, "")

    def find(self, name: str) -> Socket:
        return next(s for s in self.world.sockets if s.name == name)

    def pick(self, index: int) -> Socket | None:
        sockets = self.world.open_sockets()
        return sockets[index % len(sockets)] if sockets else None

    def wait(self) -> None:
        self.model.pass_time(LONG_S)
        self.step(lambda: self.world.pass_time(LONG_S))

    def leave(self, socket: Socket) -> None:
        self.model.hang_up(socket.name)
        self.step(socket.hang_up)
        assert not socket.is_open

    def said_about(self, found: RelaySession) -> Publisher | Viewer | None:
        """Whose session of a relay it is; nobody's any more, perhaps."""
        for row in self.world.rows():
            if row.pk == found.session and row.role == "publish":
                return self.model.publishers.get(row.stream_id)
            if row.pk == found.session:
                socket = self.name_of(row.channel)
                return self.model.viewers.get((socket, row.stream_id))
        return None

    def relay_session(
        self, index: int, fits: Callable[[RelaySession], bool]
    ) -> tuple[str, RelaySession] | None:
        found = [
            (name, session)
            for name, relay in self.world.link.relays_by_name.items()
            for session in relay.sessions.values()
            if fits(session)
        ]
        return found[index % len(found)] if found else None

    def end(self, about: Publisher | Viewer, *lines: str) -> None:
        if isinstance(about, Publisher):
            self.model.end_publisher(about, *lines)
        else:
            self.model.end_viewer(about, *lines)
