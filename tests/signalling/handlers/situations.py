"""Where a socket can stand with a stream, reached by what leads there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from relay import control
from streams.models import LiveSession
from tests.stateful.model import gist
from tests.stateful.world import Socket, World

ROOM = "hall"
STREAM = "s1"
Row = tuple[str, str, str, str, str]


@dataclass(slots=True)
class Scene:
    """`one` is the socket that it is about, `other` one beside it."""

    world: World
    one: Socket = field(init=False)
    other: Socket = field(init=False)

    def __post_init__(self) -> None:
        self.one, self.other = self.world.open("one"), self.world.open("other")
        self.world.settle()

    def say(self, socket: Socket, command: str, **rest: object) -> None:
        socket.say(command, **rest)  # type: ignore[arg-type]  # a stream id is text
        self.world.settle()

    def hear(self, socket: Socket) -> list[str]:
        return [gist(message) for message in socket.take_heard()]

    def forget_what_was_said(self) -> None:
        for socket in self.world.sockets:
            socket.take_heard()

    def rows(self) -> list[Row]:
        return sorted(map(_row, self.world.rows()))

    def commands(self) -> list[control.Command]:
        relays = self.world.link.relays_by_name.values()
        return [command for relay in relays for command in relay.commands]

    # The steps of a publisher and a viewer.

    def publish(self, socket: Socket, *, live: bool = True) -> None:
        self.say(socket, "publish", stream_id=STREAM)
        self.describe(socket, "offer")
        if live:
            self.connect()

    def play(self, socket: Socket) -> None:
        self.say(socket, "play", stream_id=STREAM)

    def describe(self, socket: Socket, kind: str) -> None:
        about = {"stream_id": STREAM, "type": kind, "sdp": "v=0"}
        self.say(socket, "takeConfiguration", **about)

    def connect(self) -> None:
        """Relays say all that they have to."""
        for relay in self.world.link.relays_by_name.values():
            for found in list(relay.sessions.values()):
                if not found.described:
                    relay.describe(found)
                if found.answered and not found.live:
                    relay.start(found)
        self.world.settle()

    def lose(self) -> None:
        """Every connection that is live."""
        for relay in self.world.link.relays_by_name.values():
            for found in list(relay.sessions.values()):
                if found.live and not found.parked:
                    relay.lose(found)
        self.world.settle()


def _row(row: LiveSession) -> Row:
    return row.role, row.stream_id, row.room, row.state, row.pk


def has_nothing(_: Scene) -> None:
    pass


def waits_for_it(scene: Scene) -> None:
    scene.play(scene.one)


def was_told_to_start(scene: Scene) -> None:
    scene.say(scene.one, "publish", stream_id=STREAM)


def has_offered(scene: Scene) -> None:
    scene.publish(scene.one, live=False)


def publishes(scene: Scene) -> None:
    scene.publish(scene.one)


def lost_its_publisher(scene: Scene) -> None:
    scene.publish(scene.one)
    scene.lose()


def awaits_an_offer(scene: Scene) -> None:
    scene.publish(scene.other)
    scene.play(scene.one)


def was_offered(scene: Scene) -> None:
    awaits_an_offer(scene)
    scene.connect()


def has_answered(scene: Scene) -> None:
    was_offered(scene)
    scene.describe(scene.one, "answer")


def plays(scene: Scene) -> None:
    has_answered(scene)
    scene.connect()


def sits_alone(scene: Scene) -> None:
    scene.say(scene.one, "join", stream_id=STREAM)


def sits_opposite(scene: Scene) -> None:
    sits_alone(scene)
    scene.say(scene.other, "join", stream_id=STREAM)


def is_in_the_room(scene: Scene) -> None:
    scene.say(scene.one, "joinRoom", stream_id=STREAM, room=ROOM)


def publishes_in_the_room(scene: Scene) -> None:
    is_in_the_room(scene)
    scene.publish(scene.one)


Situation = Callable[[Scene], None]
SITUATIONS: dict[str, Situation] = {
    situation.__name__: situation
    for situation in (
        has_nothing,
        waits_for_it,
        was_told_to_start,
        has_offered,
        publishes,
        lost_its_publisher,
        awaits_an_offer,
        was_offered,
        has_answered,
        plays,
        sits_alone,
        sits_opposite,
        is_in_the_room,
        publishes_in_the_room,
    )
}
