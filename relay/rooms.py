"""The rooms of this relay, and the commands that are about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay import control
from relay.control import Failure
from relay.room import Room
from relay.room_viewer import RoomViewer

if TYPE_CHECKING:
    from relay.router import Router
    from relay.stream import Stream

SlotCommand = (
    control.AssignVideoTrack
    | control.PageVideoTracks
    | control.LimitVideoTracks
    | control.TellAssignments
)


class Rooms:
    """A room exists while it has a participant or a viewer."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._rooms: dict[str, Room] = {}

    def get(self, key: str) -> Room | None:
        return self._rooms.get(key)

    def __len__(self) -> int:
        return len(self._rooms)

    def handle(self, command: control.Command) -> None:
        """Do what signalling asks of rooms and their viewers."""
        match command:
            case control.CreateRoomOffer():
                self._create_offer(command)
            case control.SetRoom():
                stream = self._router.stream(command.stream)
                if stream is not None:
                    self.place(stream, command.room, command.role)
            case (
                control.AssignVideoTrack()
                | control.PageVideoTracks()
                | control.LimitVideoTracks()
                | control.TellAssignments()
            ):
                self._handle_slots(command)

    def _create_offer(self, command: control.CreateRoomOffer) -> None:
        """Let a viewer into the room; its offer follows when there is one to make.

        Without data channels that is when the first participant sends.
        """
        router = self._router
        known = router.peer(command.session)
        if isinstance(known, RoomViewer):
            known.emit_offer()
            return
        if router.is_full:
            router.fail(command.session, command.reply_to, Failure.OVERLOADED)
            return
        room = self._open(command.room)
        viewer = RoomViewer(router, command, room)
        router.add(viewer)
        room.add_viewer(viewer)
        viewer.update()

    def accept_answer(self, viewer: RoomViewer, sdp: str) -> None:
        try:
            viewer.accept(sdp)
        except ValueError:
            self._router.remove(viewer)
            self._router.fail(
                viewer.session, viewer.reply_to, Failure.REMOTE_DESCRIPTION
            )

    def _handle_slots(self, command: SlotCommand) -> None:
        """Do what a room's viewer wishes; other sessions are ignored."""
        viewer = self._router.peer(command.session)
        if not isinstance(viewer, RoomViewer):
            return
        match command:
            case control.AssignVideoTrack():
                viewer.stage.pin(command.label, command.track, pinned=command.enabled)
            case control.PageVideoTracks():
                viewer.stage.page(command.offset, command.size)
            case control.LimitVideoTracks():
                viewer.stage.limit(command.most)
            case control.TellAssignments():
                viewer.stage.tell_all_assignments()

    # -- participants ---------------------------------------------------------

    def place(self, stream: Stream, key: str, role: str) -> None:
        """The stream is in the room `key` ("" = in none), with that role."""
        if stream.room is not None and stream.room.key == key:
            stream.room.set_role(stream, role)
            return
        self.remove(stream)
        if key:
            self._open(key).add(stream, role)

    def remove(self, stream: Stream) -> None:
        room = stream.room
        if room is not None:
            room.remove(stream)
            self.sweep(room)

    def sweep(self, room: Room) -> None:
        """The room goes when nobody is in it."""
        if room.is_empty and self._rooms.get(room.key) is room:
            del self._rooms[room.key]
            room.close()

    def _open(self, key: str) -> Room:
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = Room(key, self._router.clock)
        return room
