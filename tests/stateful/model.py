"""What sockets are told and which rows there are, said a second time and simply.

No rows, channels, tasks or timers: only who has what. Every method is one thing
that happens, all of its consequences at once. `hear` collects what is said to each
socket, in the words of `gist`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SEATS = 2
WAITING_S = 300.0  # for a stream that is not there


def gist(message: dict[str, Any]) -> str:
    """One line that says what matters of a frame."""
    command, stream = message["command"], message.get("streamId", "")
    match command:
        case "takeConfiguration":
            return f"{message['type']} {stream}"
        case "error":
            return f"error {message['definition']} {stream}"
        case "notification" if message["definition"] == "joinedTheRoom":
            return f"joinedTheRoom {stream} {message['room']} {_ids(message)}"
        case "notification" if message["definition"] == "leavedFromRoom":
            return f"leavedFromRoom {message['room']}"
        case "notification":
            return f"{message['definition']} {stream}".strip()
        case "roomInformation":
            return f"roomInformation {message['room']} {_ids(message)}"
    return f"{command} {stream}"


def _ids(message: dict[str, Any]) -> str:
    return ",".join(message["streams"])


@dataclass(eq=False)
class Publisher:
    """`socket`: "" while its stream waits for its return."""

    stream: str
    socket: str
    relay: str
    room: str
    restored: bool
    phase: str = "preparing"  # connecting, live, parked
    announced: bool = False
    silent: bool = False  # its network is gone

    @property
    def flows(self) -> bool:
        return self.phase in ("live", "parked") or self.restored

    @property
    def can_wait(self) -> bool:
        return self.phase == "live" or self.restored


@dataclass(eq=False)
class Viewer:
    stream: str
    socket: str
    relay: str
    phase: str = "preparing"  # offered, connecting, live


@dataclass(eq=False)
class Peer:
    room: str
    socket: str


class Model:
    def __init__(self, relays: Iterable[str]) -> None:
        self.up = set(relays)
        self.publishers: dict[str, Publisher] = {}
        self.viewers: dict[tuple[str, str], Viewer] = {}  # by socket and stream
        self.peers: list[Peer] = []
        self.members: dict[tuple[str, str], str] = {}  # socket and room: its id
        self.now_s = 0.0
        # By socket and stream: until when.
        self.waiting: dict[tuple[str, str], float] = {}
        # By socket: attempts whose connection was lost, that a `stop` may still end.
        self.lost: list[tuple[str, Publisher | Viewer]] = []
        self.said: dict[str, list[str]] = defaultdict(list)

    def hear(self, socket: str, *lines: str) -> None:
        self.said[socket] += lines

    def refuse(self, socket: str, definition: str, stream: str) -> None:
        self.hear(socket, f"error {definition} {stream}")

    def take_said(self) -> dict[str, list[str]]:
        said, self.said = self.said, defaultdict(list)
        return said

    # Publishers.

    def own(self, socket: str, stream: str) -> Publisher | None:
        found = self.publishers.get(stream)
        return found if found is not None and found.socket == socket else None

    def publish(self, socket: str, stream: str) -> None:
        holder = self.publishers.get(stream)
        if not self.up:
            return self.refuse(socket, "not_initialized_yet", stream)
        if self.own(socket, stream):
            return self.refuse(socket, "already_publishing", stream)
        if holder is not None and holder.socket:
            return self.refuse(socket, "streamIdInUse", stream)
        rooms = [r for (s, r), i in self.members.items() if (s, i) == (socket, stream)]
        room = rooms[0] if rooms else holder.room if holder is not None else ""
        restored = holder is not None
        relay = holder.relay if holder is not None else self.least_busy()
        self.publishers[stream] = Publisher(
            stream, socket, relay, room, restored, announced=restored
        )
        self.lost = [
            (s, lost)
            for s, lost in self.lost
            if (s, lost.stream) != (socket, stream) or isinstance(lost, Viewer)
        ]
        return self.hear(socket, f"start {stream}")

    def least_busy(self) -> str:
        counts = dict.fromkeys(sorted(self.up), 0)
        for publisher in self.publishers.values():
            if publisher.relay in counts:
                counts[publisher.relay] += 1
        return min(counts, key=lambda relay: counts[relay])

    def published(self, publisher: Publisher) -> None:
        """Media has arrived."""
        publisher.phase = "live"
        self.waiting.pop((publisher.socket, publisher.stream), None)
        for waiting in [key for key in self.waiting if key[1] == publisher.stream]:
            del self.waiting[waiting]
            self.hear(waiting[0], f"streaming_started {publisher.stream}")
        word = "session_restored" if publisher.restored else "publish_started"
        self.hear(publisher.socket, f"{word} {publisher.stream}")
        if not publisher.announced:
            publisher.announced = True
            self.tell_room(publisher, "streamJoined")

    def tell_room(self, publisher: Publisher, word: str) -> None:
        for socket, room in self.members:
            if publisher.room == room and socket != publisher.socket:
                self.hear(socket, f"{word} {publisher.stream}")

    def end_publisher(self, publisher: Publisher, *lines: str) -> None:
        del self.publishers[publisher.stream]
        if lines:
            self.hear(publisher.socket, *lines)
        if publisher.announced:
            self.tell_room(publisher, "streamLeaved")

    def park(self, publisher: Publisher) -> None:
        """Nothing is said: its viewers wait with it."""
        publisher.socket, publisher.phase = "", "parked"
        publisher.announced = True

    # Viewers.

    def play(self, socket: str, stream: str) -> None:
        publisher = self.publishers.get(stream)
        if not self.up:
            self.refuse(socket, "not_initialized_yet", stream)
        elif (socket, stream) in self.viewers:
            self.refuse(socket, "already_playing", stream)
        elif publisher is None or not publisher.flows:
            self.find_no_stream(socket, stream)
        else:
            viewer = Viewer(stream, socket, publisher.relay)
            self.viewers[socket, stream] = viewer
            self.forget_lost(socket, stream, Viewer)

    def find_no_stream(self, socket: str, stream: str) -> None:
        self.waiting.setdefault((socket, stream), self.now_s + WAITING_S)
        self.refuse(socket, "no_stream_exist", stream)

    def forget_lost(self, socket: str, stream: str, kind: type) -> None:
        self.lost = [
            (s, lost)
            for s, lost in self.lost
            if (s, lost.stream) != (socket, stream) or not isinstance(lost, kind)
        ]

    def played(self, viewer: Viewer) -> None:
        viewer.phase = "live"
        self.waiting.pop((viewer.socket, viewer.stream), None)
        self.hear(viewer.socket, f"play_started {viewer.stream}")

    def end_viewer(self, viewer: Viewer, *lines: str) -> None:
        del self.viewers[viewer.socket, viewer.stream]
        self.hear(viewer.socket, *lines)

    # Both.

    def stop(self, socket: str, stream: str) -> None:
        publisher = self.own(socket, stream)
        if publisher is not None and publisher.silent and publisher.can_wait:
            self.hear(socket, f"publish_finished {stream}")
            self.park(publisher)
        elif publisher is not None:
            self.end_publisher(publisher, f"publish_finished {stream}")
        viewer = self.viewers.get((socket, stream))
        if viewer is not None:
            self.end_viewer(viewer, f"play_finished {stream}")
        self.stand_up(socket, stream)
        self.end_lost(socket, [stream], spare_silent=True)
        self.waiting.pop((socket, stream), None)

    def end_lost(
        self, socket: str, streams: Iterable[str], *, spare_silent: bool = False
    ) -> None:
        """The attempts whose connection had been lost are over in earnest."""
        for entry in list(self.lost):
            owner, lost = entry
            if owner != socket or lost.stream not in streams:
                continue
            self.lost.remove(entry)
            if isinstance(lost, Viewer):
                self.hear(socket, f"play_finished {lost.stream}")
                continue
            self.hear(socket, f"publish_finished {lost.stream}")
            if spare_silent and lost.silent:
                continue
            if self.publishers.get(lost.stream) is lost:
                lost.socket = socket  # it tells its room, and is not told itself
                self.end_publisher(lost)

    def describe(self, socket: str, kind: str, stream: str) -> None:
        """`takeConfiguration`."""
        publisher = self.own(socket, stream)
        viewer = self.viewers.get((socket, stream))
        if kind == "offer" and publisher is not None:
            if publisher.phase == "preparing":
                publisher.phase = "connecting"
        elif kind == "answer" and viewer is not None:
            if viewer.phase == "offered":
                viewer.phase = "connecting"
        elif self.peer(socket, stream) is not None:
            self.tell_peer(socket, stream, f"{kind} {stream}")

    def hang_up(self, socket: str) -> None:
        for publisher in list(self.publishers.values()):
            if publisher.socket != socket:
                continue
            if publisher.can_wait:
                self.park(publisher)
            else:
                self.end_publisher(publisher)
        for viewer in [v for v in self.viewers.values() if v.socket == socket]:
            self.end_viewer(viewer)
        for peer in [peer for peer in self.peers if peer.socket == socket]:
            self.stand_up(socket, peer.room)
        self.members = {k: v for k, v in self.members.items() if k[0] != socket}
        self.waiting = {k: end for k, end in self.waiting.items() if k[0] != socket}
        self.lost = [entry for entry in self.lost if entry[0] != socket]
        self.said.pop(socket, None)

    # Peers.

    def peer(self, socket: str, room: str) -> Peer | None:
        found = [p for p in self.peers if (p.socket, p.room) == (socket, room)]
        return found[0] if found else None

    def opposite(self, socket: str, room: str) -> Peer | None:
        found = [p for p in self.peers if p.room == room and p.socket != socket]
        return found[0] if found else None

    def join(self, socket: str, room: str) -> None:
        others = [p for p in self.peers if p.room == room and p.socket != socket]
        if len(others) >= SEATS:
            return self.refuse(socket, "NoSpaceForNewPeer", room)
        own = self.peer(socket, room)
        if own is None:
            self.peers.append(Peer(room, socket))
        self.hear(socket, f"joined {room}")
        for other in others:
            self.hear(other.socket, f"start {room}")
        return None

    def leave(self, socket: str, room: str) -> None:
        if self.peer(socket, room) is not None:
            self.hear(socket, f"leaved {room}")
            self.stand_up(socket, room)

    def stand_up(self, socket: str, room: str) -> None:
        peer, other = self.peer(socket, room), self.opposite(socket, room)
        if peer is None:
            return
        self.peers.remove(peer)
        if other is not None:
            self.hear(other.socket, f"stop {room}")

    def tell_peer(self, socket: str, room: str, line: str) -> None:
        other = self.opposite(socket, room)
        if self.peer(socket, room) is None or other is None:
            self.refuse(socket, "no_peer_associated_before", room)
        else:
            self.hear(other.socket, line)

    # Rooms.

    def streams_in(self, room: str, but: str) -> str:
        return ",".join(
            sorted(
                publisher.stream
                for publisher in self.publishers.values()
                if publisher.flows and publisher.room == room
                if publisher.stream != but
            )
        )

    def join_room(self, socket: str, room: str, name: str) -> None:
        self.members = {
            (s, r): other
            for (s, r), other in self.members.items()
            if s != socket or (r != room and other != name)
        }
        self.members[socket, room] = name
        self.hear(socket, f"joinedTheRoom {name} {room} {self.streams_in(room, name)}")

    def leave_room(self, socket: str, room: str) -> None:
        for publisher in list(self.publishers.values()):
            if publisher.socket == socket and publisher.room == room:
                stream = publisher.stream
                self.end_publisher(publisher, f"publish_finished {stream}")
        in_room = [
            lost.stream
            for owner, lost in self.lost
            if isinstance(lost, Publisher) and owner == socket and lost.room == room
        ]
        self.end_lost(socket, in_room)
        self.members.pop((socket, room), None)
        self.hear(socket, f"leavedFromRoom {room}")

    def room_info(self, socket: str, room: str, name: str) -> None:
        streams = self.streams_in(room, name)
        publishers = any(p.room == room for p in self.publishers.values())
        if streams or publishers or any(r == room for _, r in self.members):
            self.hear(socket, f"roomInformation {room} {streams}")
        else:
            self.refuse(socket, "no_active_streams_in_room", name)

    # What comes from elsewhere.

    def operator_stops(self, stream: str) -> None:
        publisher = self.publishers.get(stream)
        if publisher is None:
            return
        lines = (f"publish_finished {stream}", f"stop {stream}")
        self.end_publisher(publisher, *(lines if publisher.socket else ()))

    def lose_relay(self, relay: str) -> None:
        self.up.discard(relay)
        publishers = [p for p in self.publishers.values() if p.relay == relay]
        viewers = [v for v in self.viewers.values() if v.relay == relay]
        for publisher in publishers:
            self.end_publisher(publisher)
        for viewer in viewers:
            self.end_viewer(viewer)
        sockets = {publisher.socket for publisher in publishers}
        sockets |= {viewer.socket for viewer in viewers}
        for socket in sorted(sockets - {""}):
            self.hear(socket, "server_will_stop")

    def pass_time(self, seconds: float) -> None:
        """So long that whoever waits for media or a return waits no more."""
        self.now_s += seconds
        waiting = self.waiting.items()
        self.waiting = {key: end for key, end in waiting if end > self.now_s}
        for publisher in list(self.publishers.values()):
            if publisher.phase == "parked":
                self.end_publisher(publisher)
            elif publisher.phase != "live":
                line = f"error publishTimeoutError {publisher.stream}"
                self.end_publisher(publisher, line)
        for viewer in list(self.viewers.values()):
            if viewer.phase != "live":
                self.end_viewer(viewer)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Role, stream, state, socket."""
        state = {"live": "live", "parked": "parked"}
        rows = [
            ("publish", p.stream, state.get(p.phase, "preparing"), p.socket)
            for p in self.publishers.values()
        ]
        rows += [
            ("play", v.stream, state.get(v.phase, "preparing"), v.socket)
            for v in self.viewers.values()
        ]
        rows += [("peer", p.room, "live", p.socket) for p in self.peers]
        rows += [
            ("participant", name, "live", socket)
            for (socket, _), name in self.members.items()
        ]
        return sorted(rows)
