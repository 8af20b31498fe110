"""The recent packets of a track, to answer a viewer's NACK.

At 10 % loss each way and 300 ms of round trip a packet can be asked for three times
within a second and six times within two: one lost packet in 150 is given up, or one in
20,000, and who gives up needs a key frame, which all viewers pay for. A second more of
a 1.5 Mbit/s stream is 190 kB, once for all its viewers; the bound of bytes leaves 1 s
of a stream of 16 Mbit/s.
"""

from __future__ import annotations

from collections import deque

DEFAULT_CAPACITY = 2048
DEFAULT_MAX_AGE_S = 2.0
DEFAULT_MAX_BYTES = 2 * 1024 * 1024


class PacketHistory:
    """A ring of packets by sequence number, bounded in number, bytes and age.

    Packets leave in the order in which they came, whatever their numbers are, so
    gaps, jumps and repeats cost no memory. Sequence numbers may be of 16 bits or
    unwrapped, but always of one kind; a track's are unwrapped. Both calls take constant
    (amortised) time.
    """

    __slots__ = (
        "_bytes",
        "_capacity",
        "_mask",
        "_max_age_s",
        "_max_bytes",
        "_queue",
        "_slots",
    )

    def __init__(
        self,
        capacity_packets: int = DEFAULT_CAPACITY,
        max_age_s: float = DEFAULT_MAX_AGE_S,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        """An empty history.

        Raises:
            ValueError: `capacity_packets` is no power of two (up to 65536), or
                another bound is not positive.
        """
        if not 0 < capacity_packets <= 65536 or capacity_packets.bit_count() != 1:
            raise ValueError("the capacity must be a power of two")
        if max_age_s <= 0 or max_bytes <= 0:
            raise ValueError("age and bytes must be positive")
        self._capacity = capacity_packets
        self._mask = capacity_packets - 1
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes
        self.clear()

    def clear(self) -> None:
        """Nothing is remembered."""
        self._slots: list[tuple[int, bytes, float] | None] = [None] * self._capacity
        self._queue: deque[tuple[int, bytes, float]] = deque()
        self._bytes = 0

    def put(self, seq: int, packet: bytes, now: float) -> None:
        """`packet` is found under `seq`; what passed a bound is forgotten.

        `now` is in seconds of a clock that never goes back. A packet larger than
        `max_bytes` is not kept.
        """
        if len(packet) > self._max_bytes:
            return
        entry = (seq, packet, now)
        self._slots[seq & self._mask] = entry
        queue = self._queue
        queue.append(entry)
        self._bytes += len(packet)
        # The new entry passes every bound itself, so the queue never runs empty.
        horizon = now - self._max_age_s
        while (
            queue[0][2] < horizon
            or len(queue) > self._capacity
            or self._bytes > self._max_bytes
        ):
            self._forget_oldest()

    def get(self, seq: int, now: float) -> bytes | None:
        """The packet of `seq`, None when it is unknown or older than the bound."""
        entry = self._slots[seq & self._mask]
        if entry is None or entry[0] != seq or entry[2] < now - self._max_age_s:
            return None
        return entry[1]

    def __len__(self) -> int:
        """How many packets are held, those already too old for `get` included."""
        return len(self._queue)

    def _forget_oldest(self) -> None:
        oldest = self._queue.popleft()
        self._bytes -= len(oldest[1])
        index = oldest[0] & self._mask
        # Its place may belong to a newer packet by now.
        if self._slots[index] is oldest:
            self._slots[index] = None
