"""What a relay has sent and received since it started."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from relay.receivers import Sends

if TYPE_CHECKING:
    from relay.publisher import Publisher
    from relay.stream import Stream


class Received(NamedTuple):
    packets: int = 0
    bytes: int = 0

    def plus(self, other: Received) -> Received:
        return Received(self.packets + other.packets, self.bytes + other.bytes)


class Totals:
    """Keeps the sums of what has ended; what goes on is asked."""

    def __init__(self) -> None:
        self._sends = Sends()
        self._received = Received()

    def stream_ended(self, stream: Stream) -> None:
        """Nothing is sent of it any more."""
        self._sends = self._sends.plus(stream.sends)

    def publisher_ended(self, publisher: Publisher) -> None:
        self._received = self._received.plus(_received(publisher))

    def sends(self, streams: Iterable[Stream]) -> Sends:
        """RTP to viewers, retransmissions and padding not counted."""
        total = self._sends
        for stream in streams:
            total = total.plus(stream.sends)
        return total

    def received(self, streams: Iterable[Stream]) -> Received:
        """RTP of publishers, as it came: retransmissions in the bytes."""
        total = self._received
        for stream in streams:
            if stream.publisher is not None:
                total = total.plus(_received(stream.publisher))
        return total


def _received(publisher: Publisher) -> Received:
    kinds = (publisher.kind_report("video"), publisher.kind_report("audio"))
    return Received(sum(kind.packets for kind in kinds), publisher.received_bytes)
