"""Who gets a data-channel message: pure decisions, nobody twice, never the sender.

What a publisher says goes to the viewers of its stream and, from inside a room, to
the room's viewers that see it. What a viewer says goes where the application's
distribution lets it (contract 3.4). A participant whose socket also views the room is
reached there, else at its publisher.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from relay.control import Distribution


class Member(Protocol):
    """A peer that may have a data channel. `reply_to`: the socket it belongs to."""

    @property
    def reply_to(self) -> str: ...
    @property
    def has_data(self) -> bool: ...


class RoomMember(Member, Protocol):
    """A viewer of a room. `own_streams`: what its page publishes, as the page says."""

    @property
    def own_streams(self) -> Collection[str]: ...


class Source(Protocol):
    """A stream with its publisher, if it has one now, and its viewers."""

    @property
    def stream_id(self) -> str: ...
    @property
    def publisher(self) -> Member | None: ...
    @property
    def viewers(self) -> Mapping[str, Member]: ...


def from_publisher(stream: Source, seers: Iterable[RoomMember]) -> list[Member]:
    """Receivers of what the stream's publisher says.

    `seers`: viewers of the stream's room that the stream exists for.
    """
    others = [viewer for viewer in seers if stream.stream_id not in viewer.own_streams]
    return [*stream.viewers.values(), *others]


def from_viewer(
    sender: Member, stream: Source, distribution: Distribution
) -> list[Member]:
    """Receivers of what a viewer of a single stream says."""
    if distribution is Distribution.NONE:
        return []
    receivers: list[Member] = []
    if stream.publisher is not None:
        receivers.append(stream.publisher)
    if distribution is Distribution.ALL:
        receivers += [v for v in stream.viewers.values() if v is not sender]
    return receivers


def from_room_viewer(
    sender: RoomMember,
    streams: Iterable[Source],
    viewers: Iterable[RoomMember],
    distribution: Distribution,
    unseeing: Collection[RoomMember] = (),
) -> list[Member]:
    """Receivers of what a room's viewer says: of the room's `streams`, `viewers`.

    `unseeing`: viewers that the sender, a participant too, does not exist for.
    """
    if distribution is Distribution.NONE:
        return []
    others = [viewer for viewer in viewers if viewer is not sender]
    foreign = [s for s in streams if s.stream_id not in sender.own_streams]
    found = _participants(foreign, others)
    if distribution is Distribution.ALL:
        found = _each_once([*others, *found])
    return [member for member in found if member not in unseeing]


def to_stream(stream: Source) -> list[Member]:
    """Everybody at a stream: what the server itself says."""
    viewers = stream.viewers.values()
    return [*viewers] if stream.publisher is None else [stream.publisher, *viewers]


def to_room(streams: Iterable[Source], viewers: Collection[RoomMember]) -> list[Member]:
    """Everybody in a room: what the server itself says."""
    return _each_once([*viewers, *_participants(streams, viewers)])


def _participants(
    streams: Iterable[Source], viewers: Iterable[RoomMember]
) -> list[Member]:
    """Each publisher's page, once: at its viewer in the room, else at itself.

    Pages say themselves what is theirs. Only what the same socket publishes is taken
    for that, or a viewer could have what is for a publisher sent to itself.
    """
    at_viewer = {
        (viewer.reply_to, stream_id): viewer
        for viewer in viewers
        if viewer.has_data
        for stream_id in viewer.own_streams
    }
    return _each_once(
        at_viewer.get((stream.publisher.reply_to, stream.stream_id), stream.publisher)
        for stream in streams
        if stream.publisher is not None
    )


def _each_once(members: Iterable[Member]) -> list[Member]:
    return list({id(member): member for member in members}.values())
