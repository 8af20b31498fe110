"""Numbers packets and puts them on the link. A full link keeps its sender waiting."""

from __future__ import annotations

import socket

from relay.encoder import link
from relay.encoder.link import ORIENTATION_ID
from relay.encoder.pacer import Waiting
from relay.packet import build_extensions, build_packet


class Sender:
    """The encoder's end of the link, non-blocking."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._numbers: dict[int, int] = {}
        self._dropped = 0

    def send(self, group: list[Waiting]) -> list[Waiting]:
        """Send what the link takes; the rest comes back."""
        for done, waiting in enumerate(group):
            number = self._numbers.get(waiting.rendition, 0)
            try:
                self._sock.send(_packet(waiting, number))
            except OSError:
                return group[done:]
            self._numbers[waiting.rendition] = number + 1 & 0xFFFF
        return []

    def send_control(self, message: link.Message) -> None:
        """Lost when the link is full: whatever it says is said again."""
        try:
            self._sock.send(link.encode(message))
        except OSError:
            self._dropped += 1

    def take_dropped(self) -> int:
        """Messages that were lost since the last time."""
        dropped, self._dropped = self._dropped, 0
        return dropped


def _packet(waiting: Waiting, number: int) -> bytes:
    extensions = b""
    if waiting.orientation is not None:
        extensions = build_extensions([(ORIENTATION_ID, waiting.orientation)])
    return bytes((waiting.rendition,)) + build_packet(
        payload_type=0,  # it is the relay that gives it and the SSRC
        marker=waiting.marker,
        seq=number,
        timestamp=waiting.ticks & 0xFFFFFFFF,
        ssrc=0,
        extensions=extensions,
        payload=waiting.payload,
    )
