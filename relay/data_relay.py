"""Passes data-channel messages on: from a peer, or from the server itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from relay import data_routing
from relay.data import Payload
from relay.peer import Peer
from relay.publisher import Publisher
from relay.room_viewer import RoomViewer
from relay.viewer import Viewer

if TYPE_CHECKING:
    from relay.control import SendData
    from relay.data_routing import Member
    from relay.room import Room
    from relay.router import Router
    from relay.stream import Stream

LOG_INTERVAL_S = 10.0

logger = logging.getLogger(__name__)


class DataRelay:
    """Of one router. `lost_messages` counts those that readers were too slow for."""

    def __init__(self, router: Router) -> None:
        self.lost_messages = 0
        self._router = router
        self._next_log = 0.0

    def pass_on(self, sender: Peer, payload: Payload) -> int:
        """Send a peer's message to whom it is for; to how many it went."""
        return _send(_receivers(sender), payload)

    def announce(self, command: SendData) -> int:
        """Send text of the server's to everybody there; to how many it went."""
        members: list[Member] = []
        stream = self._router.stream(command.target)
        if stream is not None:
            members += data_routing.to_stream(stream)
        room = self._router.rooms.get(command.target)
        if room is not None:
            members += data_routing.to_room(_streams(room), room.viewers.values())
        return _send(members, Payload(command.text.encode(), is_text=True))

    def count_lost(self) -> None:
        """Count a message that a slow reader lost; the log hears of it now and then."""
        self.lost_messages += 1
        now = self._router.clock()
        if now >= self._next_log:
            self._next_log = now + LOG_INTERVAL_S
            logger.warning(
                "data messages that slow readers lost so far: %d", self.lost_messages
            )


def _receivers(sender: Peer) -> list[Member]:
    if isinstance(sender, Publisher) and sender.stream is not None:
        return data_routing.from_publisher(sender.stream, _seers(sender.stream))
    if isinstance(sender, Viewer):
        return data_routing.from_viewer(sender, sender.stream, sender.distribution)
    if isinstance(sender, RoomViewer):
        room = sender.room
        return data_routing.from_room_viewer(
            sender,
            _streams(room),
            room.viewers.values(),
            sender.distribution,
            _unseeing(sender),
        )
    return []


def _streams(room: Room) -> list[Stream]:
    return [participant.stream for participant in room.participants.values()]


def _seers(stream: Stream) -> list[RoomViewer]:
    return [] if stream.room is None else stream.room.seers_of(stream)


def _unseeing(sender: RoomViewer) -> list[RoomViewer]:
    """The room's viewers that see none of what the sender's page publishes there."""
    participants = sender.room.participants
    roles = {participants[own].role for own in sender.own_streams & participants.keys()}
    if not roles:
        return []
    return [v for v in sender.room.viewers.values() if not roles & v.sees_roles]


def _send(members: Iterable[Member], payload: Payload) -> int:
    return sum(
        member.send_data(payload) for member in members if isinstance(member, Peer)
    )
