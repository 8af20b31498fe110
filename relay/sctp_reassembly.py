"""Messages of one incoming SCTP stream, put together from their fragments.

aiortc's own walks through all that waits for each chunk that comes; here a chunk
costs the same however many wait (RFC 9260 6.6 and 6.9, RFC 3758 3.6).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from aiortc.utils import uint16_add, uint16_gt, uint32_gt, uint32_gte

LAST = 0x01
FIRST = 0x02
UNORDERED = 0x04
_NUMBERS = 1 << 32

Message = tuple[int, int, bytes]  # stream id, payload protocol id, data


class Fragment(Protocol):
    """A DATA chunk."""

    tsn: int
    flags: int
    stream_id: int
    stream_seq: int
    protocol: int
    user_data: bytes


class Reassembly:
    """`stored` chunks and messages wait; who adds chunks keeps that in bounds."""

    def __init__(self) -> None:
        self.stored = 0
        self._sequence_number = 0
        # Runs: fragments of one message with consecutive TSNs, found by both ends.
        self._by_first: dict[int, deque[Fragment]] = {}
        self._by_last: dict[int, deque[Fragment]] = {}
        self._waiting: dict[int, Message] = {}  # complete, by sequence number
        self._ready: list[Message] = []

    @property
    def sequence_number(self) -> int:
        """Of the next ordered message."""
        return self._sequence_number

    @sequence_number.setter
    def sequence_number(self, number: int) -> None:
        """Messages before `number` are not waited for any more."""
        for passed in [n for n in self._waiting if uint16_gt(number, n)]:
            self._release(passed)
        self._sequence_number = number
        self._release_waiting()

    def add_chunk(self, chunk: Fragment) -> None:
        """Take a chunk that was not added before."""
        run = deque([chunk])
        self.stored += 1
        if not chunk.flags & FIRST:
            left = self._by_last.pop((chunk.tsn - 1) % _NUMBERS, None)
            if left is not None:
                del self._by_first[left[0].tsn]
                left.append(chunk)
                run = left
        if not chunk.flags & LAST:
            right = self._by_first.get((chunk.tsn + 1) % _NUMBERS)
            if right is not None and not right[0].flags & FIRST:
                del self._by_first[right[0].tsn]
                self._by_last.pop(right[-1].tsn, None)
                run = _join(run, right)
        if run[0].flags & FIRST and run[-1].flags & LAST:
            self._complete(run)
            return
        self._by_first[run[0].tsn] = run
        if not run[-1].flags & LAST:
            self._by_last[run[-1].tsn] = run

    def pop_messages(self) -> Iterator[Message]:
        """Messages whose turn it is, once."""
        ready, self._ready = self._ready, []
        yield from ready

    def prune_chunks(self, tsn: int) -> int:
        """Forget messages that miss a fragment up to `tsn`: none comes any more.

        Returns:
            The bytes that were freed.
        """
        freed = 0
        for run in list(self._by_first.values()):
            first, last = run[0], run[-1]
            goes_on = bool(first.flags & FIRST) and uint32_gte(last.tsn, tsn)
            if uint32_gt(first.tsn, tsn) or goes_on:
                continue
            del self._by_first[first.tsn]
            self._by_last.pop(last.tsn, None)
            self.stored -= len(run)
            freed += sum(len(chunk.user_data) for chunk in run)
        return freed

    def _complete(self, run: deque[Fragment]) -> None:
        self.stored -= len(run)
        chunk = run[0]
        data = b"".join(fragment.user_data for fragment in run)
        message = (chunk.stream_id, chunk.protocol, data)
        number = chunk.stream_seq
        passed = uint16_gt(self._sequence_number, number) or number in self._waiting
        if chunk.flags & UNORDERED or passed:
            self._ready.append(message)
        else:
            self._waiting[number] = message
            self.stored += 1
            self._release_waiting()

    def _release_waiting(self) -> None:
        while self._sequence_number in self._waiting:
            self._release(self._sequence_number)
            self._sequence_number = uint16_add(self._sequence_number, 1)

    def _release(self, number: int) -> None:
        self._ready.append(self._waiting.pop(number))
        self.stored -= 1


def _join(left: deque[Fragment], right: deque[Fragment]) -> deque[Fragment]:
    """Both, the shorter one moved."""
    if len(left) > len(right):
        left.extend(right)
        return left
    right.extendleft(reversed(left))
    return right
