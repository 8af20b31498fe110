"""How many wrong codes are looked at before no more are.

A code has six digits: who may try often enough finds one. What is counted is
different wrong codes, so that a client which repeats one for ever locks nobody out.
Each process counts for itself and forgets at its end.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

MAX_ENTRIES = 10_000  # of each limit; the longest untouched goes first
IPV6_PREFIX_BITS = 64  # what one customer usually has


@dataclass(frozen=True, slots=True)
class Guess:
    """Who tries codes, and whose."""

    application: str
    stream_id: str
    subscriber_id: str
    remote_ip: str


@dataclass(frozen=True, slots=True)
class Limit:
    """So many different wrong codes in so long a time."""

    codes: int
    window_s: float


OF_SUBSCRIBER_AT_ADDRESS = Limit(5, 60.0)
OF_SUBSCRIBER = Limit(100, 3600.0)
OF_ADDRESS = Limit(30, 60.0)


class GuessLimiter:
    """Counts wrong codes by who tries them. Safe to use from several threads."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        """`clock` gives seconds that never run backwards."""
        self._clock = clock
        self._lock = threading.Lock()
        # Only keyed hashes are kept: short ones, and no code can be read from them.
        self._key = secrets.token_bytes(16)
        self._at_address = _Counts(OF_SUBSCRIBER_AT_ADDRESS, max_entries)
        self._of_subscriber = _Counts(OF_SUBSCRIBER, max_entries)
        self._of_address = _Counts(OF_ADDRESS, max_entries)

    @property
    def size(self) -> int:
        """How many entries are kept, of all limits together."""
        with self._lock:
            return sum(len(counts.entries) for counts, _ in self._every(_NOBODY))

    def allows(self, guess: Guess) -> bool:
        """Whether one more code may be looked at; asked before it is."""
        now = self._clock()
        with self._lock:
            return all(
                counts.has_room(subject, now) for counts, subject in self._every(guess)
            )

    def wrong(self, guess: Guess, code: str) -> None:
        """`code` was looked at and is wrong. The same one again does not count."""
        now = self._clock()
        # With the subscriber: one code tried for many of them is many guesses.
        tried = self._hash(
            guess.application, guess.stream_id, guess.subscriber_id, code
        )
        with self._lock:
            for counts, subject in self._every(guess):
                counts.add(subject, tried, now)

    def right(self, guess: Guess) -> None:
        """The subscriber's mistypings at this address are forgiven, no others."""
        (counts, subject), *_ = self._every(guess)
        with self._lock:
            counts.entries.pop(subject, None)

    def _every(self, guess: Guess) -> Iterator[tuple[_Counts, bytes]]:
        subscriber = (guess.application, guess.stream_id, guess.subscriber_id)
        address = _network_of(guess.remote_ip)
        yield self._at_address, self._hash(*subscriber, address)
        yield self._of_subscriber, self._hash(*subscriber)
        yield self._of_address, self._hash(address)

    def _hash(self, *texts: str) -> bytes:
        hashed = hashlib.blake2b(key=self._key, digest_size=16)
        for text in texts:
            part = text.encode("utf-8", "surrogatepass")
            hashed.update(len(part).to_bytes(8, "big") + part)
        return hashed.digest()


_NOBODY = Guess("", "", "", "")


class _Counts:
    """The wrong codes of each subject that still count, under one limit."""

    def __init__(self, limit: Limit, max_entries: int) -> None:
        self._limit = limit
        self._max_entries = max_entries
        self.entries: OrderedDict[bytes, dict[bytes, float]] = OrderedDict()

    def has_room(self, subject: bytes, now: float) -> bool:
        tried = self._recent(subject, now)
        return tried is None or len(tried) < self._limit.codes

    def add(self, subject: bytes, code: bytes, now: float) -> None:
        tried = self._recent(subject, now)
        if tried is None:
            tried = self.entries[subject] = {}
            if len(self.entries) > self._max_entries:
                self.entries.popitem(last=False)
        if len(tried) < self._limit.codes:
            tried.setdefault(code, now)

    def _recent(self, subject: bytes, now: float) -> dict[bytes, float] | None:
        """Its codes inside the window; being asked for keeps an entry from going."""
        tried = self.entries.get(subject)
        if tried is None:
            return None
        self.entries.move_to_end(subject)
        over = [
            code
            for code, first_s in tried.items()
            if now - first_s >= self._limit.window_s
        ]
        for code in over:
            del tried[code]
        return tried


def _network_of(address: str) -> str:
    """IPv6 by its network: who has one address there has them all."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((int(parsed), IPV6_PREFIX_BITS), strict=False))
    return str(parsed)


guesses = GuessLimiter()
