"""How long viewers are asked to keep pictures, so that repairs come in time.

A browser that only receives does not know its round trip (it would have to ask by RFC
3611, which none offers to do). So it keeps pictures for the jitter alone, and every
packet that has to come again is a freeze. The server knows: where it repairs it says
so by the playout-delay extension, as libwebrtc adds a round trip where it knows one.
What it says is read from the first packet of a frame and holds until it says other.

Source: docs/native-code/rtp-hdrext/playout-delay in libwebrtc.
"""

from __future__ import annotations

import math

from relay.packet import HEADER_BYTES, MAX_PACKET_BYTES, ONE_BYTE_PROFILE

PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
UNIT_S = 0.01
NO_BOUND_S = 10.0  # libwebrtc's own most
# Until the gap is seen (it may be the end of a frame) and the repair is decoded, and
# for a second try.
DETECTION_S = 0.1
ROUND_TRIPS = 2.0
MAX_HOLD_S = 0.6  # beyond, who talks to one another suffers more from the delay
KEPT_S = 60.0  # since the last repair, as libwebrtc


def hold_s(round_trip_s: float) -> float:
    """How long a picture is to be kept where that is a round trip."""
    return min(DETECTION_S + ROUND_TRIPS * round_trip_s, MAX_HOLD_S)


def encode_hold(seconds: float) -> bytes:
    """The extension's value: the least of that, and as good as no most."""
    least, most = round(min(seconds, NO_BOUND_S) / UNIT_S), round(NO_BOUND_S / UNIT_S)
    return (least << 12 | most).to_bytes(3)


class SourceHold:
    """What the viewers of a track are told of repairs on its publisher's path.

    With each packet that had to come again, for what else has come late before, and
    with key frames, for who begins there. Times are seconds of one clock.
    """

    __slots__ = ("_is_repair", "_repaired", "_seconds")

    def __init__(self) -> None:
        self._seconds = 0.0
        self._repaired = -math.inf
        self._is_repair = False

    def repaired(self, round_trip_s: float, now: float) -> None:
        """The next packet is a repair, on a path of that round trip."""
        self._seconds, self._repaired = hold_s(round_trip_s), now
        self._is_repair = True

    def seconds(self, now: float) -> float:
        """0 where nothing has been repaired for long."""
        return self._seconds if now - self._repaired < KEPT_S else 0.0

    def take(self, now: float, *, is_key_frame: bool) -> bytes | None:
        """What the next packet is to say, if anything."""
        is_repair, self._is_repair = self._is_repair, False
        if not is_repair and not (is_key_frame and self._seconds):
            return None
        self._seconds = self.seconds(now)
        return encode_hold(self._seconds)


def with_extension(packet: bytes, identifier: int, value: bytes) -> bytes:
    """`packet`, one of ours, with one more extension, after the others.

    One without a block of one-byte headers, or without room, is left as it is.
    """
    at = HEADER_BYTES
    element = bytes((identifier << 4 | len(value) - 1,)) + value
    element += bytes(-len(element) % 4)
    if (
        not packet[0] & 0x10
        or packet[at : at + 2] != ONE_BYTE_PROFILE.to_bytes(2)
        or len(packet) + len(element) > MAX_PACKET_BYTES
    ):
        return packet
    words = int.from_bytes(packet[at + 2 : at + 4])
    end = at + 4 + 4 * words
    words += len(element) // 4
    return b"".join(
        (
            packet[: at + 2],
            words.to_bytes(2),
            packet[at + 4 : end],
            element,
            packet[end:],
        )
    )
