from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from streams.credentials import AccessRules, Claim, current_code, is_good_code
from streams.guesses import (
    OF_ADDRESS,
    OF_SUBSCRIBER,
    OF_SUBSCRIBER_AT_ADDRESS,
    Guess,
    GuessLimiter,
    guesses,
)

ANNA = Guess("LiveApp", "stream1", "anna", "192.0.2.1")
ELSEWHERE = replace(ANNA, remote_ip="198.51.100.9")


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> GuessLimiter:
    return GuessLimiter(clock)


def codes(count: int, start: int = 0) -> list[str]:
    return [f"{number:06d}" for number in range(start, start + count)]


def addresses() -> Iterator[str]:
    return (f"10.0.{number >> 8}.{number & 255}" for number in range(1 << 16))


def lock(limiter: GuessLimiter, guess: Guess) -> None:
    for code in codes(OF_SUBSCRIBER_AT_ADDRESS.codes):
        limiter.wrong(guess, code)
    assert not limiter.allows(guess)


def test_it_allows_who_has_not_guessed(limiter: GuessLimiter) -> None:
    assert limiter.allows(ANNA)


def test_the_fifth_wrong_code_in_a_minute_is_the_last(limiter: GuessLimiter) -> None:
    for code in codes(4):
        limiter.wrong(ANNA, code)
    assert limiter.allows(ANNA)

    limiter.wrong(ANNA, "999999")

    assert not limiter.allows(ANNA)


def test_the_same_wrong_code_counts_once(limiter: GuessLimiter) -> None:
    for _ in range(1000):
        limiter.wrong(ANNA, "123456")

    assert limiter.allows(ANNA)


def test_wrong_codes_count_for_their_window_only(
    limiter: GuessLimiter, clock: Clock
) -> None:
    lock(limiter, ANNA)

    clock.now_s += OF_SUBSCRIBER_AT_ADDRESS.window_s - 0.001
    assert not limiter.allows(ANNA)
    clock.now_s += 0.001
    assert limiter.allows(ANNA)


def test_a_repeated_code_does_not_stretch_its_window(
    limiter: GuessLimiter, clock: Clock
) -> None:
    lock(limiter, ANNA)
    clock.now_s += 30
    limiter.wrong(ANNA, "000000")
    clock.now_s += 30

    assert limiter.allows(ANNA)


def test_a_right_code_forgives_mistypings(limiter: GuessLimiter) -> None:
    for code in codes(4):
        limiter.wrong(ANNA, code)

    limiter.right(ANNA)
    for code in codes(4, start=10):
        limiter.wrong(ANNA, code)

    assert limiter.allows(ANNA)


def test_a_right_code_forgives_nobody_elses_guesses(limiter: GuessLimiter) -> None:
    lock(limiter, ANNA)

    limiter.right(ELSEWHERE)
    limiter.right(replace(ANNA, subscriber_id="bert"))

    assert not limiter.allows(ANNA)


def test_a_right_code_leaves_the_limit_of_all_addresses(
    limiter: GuessLimiter,
) -> None:
    for code, address in zip(codes(OF_SUBSCRIBER.codes), addresses(), strict=False):
        limiter.wrong(replace(ANNA, remote_ip=address), code)

    limiter.right(ANNA)

    assert not limiter.allows(ANNA)


@pytest.mark.parametrize(
    "other",
    [
        replace(ANNA, application="Other"),
        replace(ANNA, stream_id="stream2"),
        replace(ANNA, subscriber_id="bert"),
        ELSEWHERE,
    ],
)
def test_who_is_locked_out_does_not_lock_others(
    limiter: GuessLimiter, other: Guess
) -> None:
    lock(limiter, ANNA)

    assert limiter.allows(other)


def test_texts_do_not_run_into_each_other(limiter: GuessLimiter) -> None:
    lock(limiter, replace(ANNA, stream_id="ab", subscriber_id="cdef"))

    assert limiter.allows(replace(ANNA, stream_id="abc", subscriber_id="def"))


def test_a_subscriber_is_guarded_over_all_addresses(
    limiter: GuessLimiter, clock: Clock
) -> None:
    for code, address in zip(codes(99), addresses(), strict=False):
        limiter.wrong(replace(ANNA, remote_ip=address), code)
    assert limiter.allows(ELSEWHERE)

    limiter.wrong(ANNA, "999999")

    assert not limiter.allows(ELSEWHERE)
    clock.now_s += OF_SUBSCRIBER.window_s
    assert limiter.allows(ELSEWHERE)


def test_an_address_is_stopped_over_all_subscribers(
    limiter: GuessLimiter, clock: Clock
) -> None:
    """One code tried for many subscribers is as many guesses."""
    for number in range(OF_ADDRESS.codes):
        assert limiter.allows(ANNA)
        limiter.wrong(replace(ANNA, subscriber_id=f"user{number}"), "123456")

    assert not limiter.allows(ANNA)
    assert limiter.allows(ELSEWHERE)
    clock.now_s += OF_ADDRESS.window_s
    assert limiter.allows(ANNA)


def test_a_loop_with_one_wrong_code_does_not_lock_out_its_neighbour(
    limiter: GuessLimiter, clock: Clock
) -> None:
    neighbour = replace(ANNA, subscriber_id="bert")
    for _ in range(2000):
        if limiter.allows(ANNA):
            limiter.wrong(ANNA, "123456")
        clock.now_s += 3.5
        assert limiter.allows(neighbour)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("unknown", "unknown", True),
        ("unknown", "", False),
    ],
)
def test_addresses_of_one_customer_count_as_one(
    limiter: GuessLimiter, first: str, second: str, same: bool
) -> None:
    lock(limiter, replace(ANNA, remote_ip=first))

    assert limiter.allows(replace(ANNA, remote_ip=second)) is not same


def test_its_memory_is_bounded(clock: Clock) -> None:
    limiter = GuessLimiter(clock, max_entries=10)
    for number, address in zip(range(1000), addresses(), strict=False):
        limiter.wrong(Guess("LiveApp", f"s{number}", "anna", address), "123456")

    assert limiter.size == 30  # of each of the three limits


def test_a_locked_entry_that_is_asked_for_stays(clock: Clock) -> None:
    limiter = GuessLimiter(clock, max_entries=10)
    lock(limiter, ANNA)

    for number, address in zip(range(100), addresses(), strict=False):
        limiter.wrong(Guess("LiveApp", f"s{number}", "bert", address), "123456")
        assert not limiter.allows(ANNA)


def test_no_more_codes_are_kept_than_count(limiter: GuessLimiter) -> None:
    """Threads that were allowed at once may bring more."""
    for code in codes(5000):
        limiter.wrong(ANNA, code)

    kept = [
        len(tried)
        for counts in (
            limiter._at_address,
            limiter._of_subscriber,
            limiter._of_address,
        )
        for tried in counts.entries.values()
    ]
    assert kept == [5, 100, 30]


def test_neither_codes_nor_names_are_kept(limiter: GuessLimiter) -> None:
    limiter.wrong(ANNA, "123456")

    kept = repr([limiter._at_address.entries, limiter._of_address.entries])

    assert "123456" not in kept
    assert "anna" not in kept


def test_odd_texts_are_counted_like_others(limiter: GuessLimiter) -> None:
    odd = Guess("LiveApp", "\ud800", "x" * 100_000, "\ud800")
    for code in ("", "\ud800", "é", "x" * 100_000, "1"):
        assert limiter.allows(odd)
        limiter.wrong(odd, code)

    assert not limiter.allows(odd)


def test_threads_may_share_it(limiter: GuessLimiter) -> None:
    def guess_on(number: int) -> None:
        for code in codes(200, start=number * 200):
            limiter.allows(ANNA)
            limiter.wrong(replace(ANNA, subscriber_id=f"user{number % 3}"), code)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess_on, range(8)))

    assert limiter.size == 7  # 3 subscribers twice, one address
    assert not limiter.allows(ANNA)


@pytest.mark.parametrize("spread", [False, True], ids=["one address", "many"])
def test_ten_thousand_guesses_do_not_let_in(clock: Clock, spread: bool) -> None:
    """At 100 a second, the right code among the last."""
    limiter = GuessLimiter(clock)
    rules = AccessRules(totp=True, totp_secret="secret123", totp_period_s=3600)
    now_s = 1_700_000_000
    right = current_code(
        "anna", "stream1", "play", None, rules.totp_secret, 3600, now_s
    )
    tried = [code for code in codes(10_000) if code != right]
    tried.insert(9_900, right)
    looked_at, let_in = 0, 0
    for code, address in zip(tried, addresses(), strict=False):
        clock.now_s += 0.01
        guess = replace(ANNA, remote_ip=address) if spread else ANNA
        if not limiter.allows(guess):
            continue
        looked_at += 1
        claim = Claim("play", "stream1", subscriber_id="anna", subscriber_code=code)
        if is_good_code(claim, rules, None, now_s):
            let_in += 1
        else:
            limiter.wrong(guess, code)

    assert let_in == 0
    assert looked_at == (100 if spread else 10)  # 100 s: two windows of a minute


def test_the_process_has_one_of_its_own() -> None:
    assert isinstance(guesses, GuessLimiter)
