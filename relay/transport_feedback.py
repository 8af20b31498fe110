"""Transport-wide congestion control feedback: what came when, told to its sender.

The sender numbers all packets of its transport by a header extension and estimates
the path's rate itself from their times of arrival. Source:
draft-holmer-rmcat-transport-wide-cc-extensions-01.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from relay.rtcp import build_transport_feedback
from relay.seqno import SeqUnwrapper

TICKS_PER_S = 4000  # of the deltas: 250 us
REFERENCE_TICKS = 256  # of the reference time: 64 ms
INTERVAL_S = 0.05
MAX_UNREPORTED = 100  # packets; so many are reported before their time is up
MAX_STATUSES = 400  # of one feedback packet, which stays below 1000 bytes
# Packets remembered, so that one that comes late does not unsay those around it: at
# 20 Mbit/s about a second.
SLOTS = 2048
MAX_LATE = 512  # packets; one that is later is not told of

LOST, SMALL, LARGE = 0, 1, 2
MAX_SMALL_TICKS = 0xFF
MAX_LARGE_TICKS = (1 << 15) - 1
MAX_RUN = (1 << 13) - 1
_ONE_BIT, _TWO_BIT = 14, 7  # symbols of a status vector chunk
_ONE_BIT_CHUNK, _TWO_BIT_CHUNK = 0x8000, 0xC000
_HEAD = struct.Struct("!HH")


class TransportFeedback:
    """The arrivals of one peer's packets, and the reports of them.

    Times are seconds of one clock that never goes back. Numbers are unwrapped here;
    their low 16 bits are on the wire.
    """

    __slots__ = (
        "_count",
        "_highest",
        "_next",
        "_next_report",
        "_numbers",
        "_ticks",
        "_unreported",
        "_unwrapper",
    )

    def __init__(self) -> None:
        self._unwrapper = SeqUnwrapper()
        self._numbers: list[int | None] = [None] * SLOTS
        self._ticks = [0] * SLOTS
        self._next = 0  # where the next report begins
        self._highest: int | None = None
        self._unreported = 0
        self._next_report = 0.0
        self._count = 0

    def received(self, seq: int, now: float) -> None:
        """The packet with the transport-wide number `seq` (16 bits) came."""
        number = self._unwrapper.unwrap(seq)
        highest = self._highest
        # Further apart than what is remembered: the sender counts anew.
        if highest is None or abs(number - highest) >= SLOTS:
            self._next = self._highest = number
            self._unreported = 0
        elif number > highest:
            self._highest = number
            if number - self._next >= SLOTS:
                self._next = number
        elif number <= highest - MAX_LATE:
            return
        slot = number % SLOTS
        if self._numbers[slot] == number:
            return
        self._numbers[slot] = number
        self._ticks[slot] = int(now * TICKS_PER_S)
        self._next = min(self._next, number)
        self._unreported += 1

    def is_due(self, now: float) -> bool:
        """Whether `take` is to be called: something came that nobody was told of."""
        return self._unreported > 0 and (
            now >= self._next_report or self._unreported >= MAX_UNREPORTED
        )

    def take(self, sender_ssrc: int, media_ssrc: int, now: float) -> list[bytes]:
        """RTCP packets that report all from the last report's end to what came last.

        A packet that came after it was reported lost is reported again, with those
        behind it.
        """
        packets = []
        end = self._next if self._highest is None else self._highest + 1
        while self._unreported and self._next < end:
            statuses = self._statuses(end)
            body = build_feedback(self._next, statuses, self._count)
            packets.append(build_transport_feedback(sender_ssrc, media_ssrc, body))
            self._count = (self._count + 1) & 0xFF
            self._next += len(statuses)
        self._unreported = 0
        self._next_report = now + INTERVAL_S
        return packets

    def _statuses(self, end: int) -> list[int | None]:
        """Times of arrival from `_next` on, in ticks; as many as one packet reports.

        The next arrival may lie outside of what a delta can say: it is the next
        packet's then.
        """
        statuses: list[int | None] = []
        last: int | None = None
        for number in range(self._next, min(end, self._next + MAX_STATUSES)):
            slot = number % SLOTS
            ticks = self._ticks[slot] if self._numbers[slot] == number else None
            if ticks is not None:
                if last is not None and abs(ticks - last) > MAX_LARGE_TICKS:
                    break
                last = ticks
            statuses.append(ticks)
        return statuses


def build_feedback(
    base: int, statuses: Sequence[int | None], feedback_count: int
) -> bytes:
    """The body of one feedback packet, behind its two SSRCs.

    `base`: the first packet's number. `statuses`: of it and those behind it, times of
    arrival in ticks of 250 us or None for lost; neighbours are at most 8 s apart.
    """
    first = next((ticks for ticks in statuses if ticks is not None), 0)
    reference = first // REFERENCE_TICKS
    symbols, deltas = _deltas(statuses, reference * REFERENCE_TICKS)
    return b"".join(
        (
            _HEAD.pack(base & 0xFFFF, len(statuses)),
            (reference & 0xFFFFFF).to_bytes(3),
            bytes((feedback_count,)),
            _chunks(symbols),
            deltas,
        )
    )


def _deltas(statuses: Sequence[int | None], since: int) -> tuple[list[int], bytes]:
    """The symbol of each status, and the deltas of those that came."""
    symbols = []
    deltas = bytearray()
    for ticks in statuses:
        if ticks is None:
            symbols.append(LOST)
            continue
        delta, since = ticks - since, ticks
        if 0 <= delta <= MAX_SMALL_TICKS:
            symbols.append(SMALL)
            deltas.append(delta)
        else:
            symbols.append(LARGE)
            deltas += delta.to_bytes(2, signed=True)
    return symbols, bytes(deltas)


def _chunks(symbols: Sequence[int]) -> bytes:
    """Run-length chunks where symbols repeat, status vectors where they change."""
    chunks = bytearray()
    at, size = 0, len(symbols)
    while at < size:
        one_bit = LARGE not in symbols[at : at + _ONE_BIT]
        width = _ONE_BIT if one_bit else _TWO_BIT
        run = _run(symbols, at)
        if run >= width or at + run == size:
            chunk, width = symbols[at] << 13 | run, run
        elif one_bit:
            chunk = _ONE_BIT_CHUNK | _vector(symbols[at : at + width], width, 1)
        else:
            chunk = _TWO_BIT_CHUNK | _vector(symbols[at : at + width], width, 2)
        chunks += chunk.to_bytes(2)
        at += width
    return bytes(chunks)


def _run(symbols: Sequence[int], at: int) -> int:
    """How many symbols from `at` on are the same, at most `MAX_RUN`."""
    end = at + 1
    limit = min(len(symbols), at + MAX_RUN)
    while end < limit and symbols[end] == symbols[at]:
        end += 1
    return end - at


def _vector(symbols: Sequence[int], width: int, bits: int) -> int:
    """The symbols from the highest bits on; a short vector ends in zeros."""
    value = 0
    for symbol in symbols:
        value = value << bits | symbol
    return value << bits * (width - len(symbols))
