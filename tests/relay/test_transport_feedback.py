"""Transport-wide feedback, read back by a parser that shares nothing with it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.rtcp import build_transport_feedback, parse_compound
from relay.transport_feedback import (
    INTERVAL_S,
    MAX_LATE,
    MAX_STATUSES,
    MAX_UNREPORTED,
    SLOTS,
    TransportFeedback,
    build_feedback,
)

TICK_S = 0.00025


@dataclass(frozen=True)
class Feedback:
    """What a sender reads: 16-bit number -> time of arrival in ticks, None = lost."""

    sender_ssrc: int
    media_ssrc: int
    count: int
    base: int
    arrivals: list[int | None]


def read_bits(data: bytes, at: int, count: int) -> int:
    """`count` bits from bit `at` on."""
    whole = int.from_bytes(data, "big")
    return whole >> (len(data) * 8 - at - count) & ((1 << count) - 1)


def read(packet: bytes) -> Feedback:
    """Read by the draft's picture of the packet, bit by bit."""
    assert read_bits(packet, 0, 2) == 2
    padding = packet[-1] if read_bits(packet, 2, 1) else 0
    assert read_bits(packet, 3, 5) == 15
    assert packet[1] == 205
    assert (read_bits(packet, 16, 16) + 1) * 4 == len(packet)
    base, total = read_bits(packet, 96, 16), read_bits(packet, 112, 16)
    reference, count = read_bits(packet, 128, 24), read_bits(packet, 152, 8)
    symbols: list[int] = []
    at = 160
    while len(symbols) < total:
        if read_bits(packet, at, 1) == 0:
            symbols += [read_bits(packet, at + 1, 2)] * read_bits(packet, at + 3, 13)
        else:
            size = read_bits(packet, at + 1, 1) + 1
            symbols += [
                read_bits(packet, at + 2 + i * size, size) for i in range(14 // size)
            ]
        at += 16
    assert set(symbols[total:]) <= {0}
    time = reference * 256
    arrivals: list[int | None] = []
    for symbol in symbols[:total]:
        assert symbol in (0, 1, 2)
        if symbol == 0:
            arrivals.append(None)
            continue
        delta = read_bits(packet, at, 8 * symbol)
        if symbol == 2 and delta >= 1 << 15:
            delta -= 1 << 16
        at += 8 * symbol
        time += delta
        arrivals.append(time)
    assert at // 8 + padding == len(packet)
    return Feedback(
        read_bits(packet, 32, 32), read_bits(packet, 64, 32), count, base, arrivals
    )


def take(log: TransportFeedback, now: float = 0.0) -> list[Feedback]:
    return [read(packet) for packet in log.take(7, 9, now)]


def told(reports: list[Feedback]) -> dict[int, int | None]:
    """The last word on each number; times in ticks."""
    said: dict[int, int | None] = {}
    for report in reports:
        for index, ticks in enumerate(report.arrivals):
            said[(report.base + index) & 0xFFFF] = ticks
    return said


steps = st.one_of(st.none(), st.integers(-30_000, 30_000), st.integers(0, 300))


@settings(max_examples=300)
@given(
    st.integers(0, 0xFFFF),
    st.lists(steps, min_size=1, max_size=MAX_STATUSES),
    st.integers(0, 255),
)
@example(65_530, [1] * 20 + [None] * 30 + [300, 1, None] * 9, 255)
@example(0, [1] * 13 + [300], 0)
def test_what_is_built_is_read_again(
    base: int, deltas: list[int | None], count: int
) -> None:
    time = 10_000_000
    arrivals: list[int | None] = []
    for delta in deltas:
        if delta is not None:
            time += delta
        arrivals.append(None if delta is None else time)
    body = build_feedback(base, arrivals, count)
    report = read(build_transport_feedback(1, 2, body))
    assert (report.base, report.count) == (base, count)
    assert report.arrivals == arrivals


def test_packets_in_order_are_reported_with_their_times() -> None:
    log = TransportFeedback()
    for index in range(5):
        log.received(100 + index, 2.0 + index * 0.02)
    (report,) = take(log)
    assert (report.sender_ssrc, report.media_ssrc) == (7, 9)
    assert report.base == 100
    assert report.arrivals == [8000 + 80 * index for index in range(5)]


def test_what_did_not_come_is_lost_also_between_two_reports() -> None:
    log = TransportFeedback()
    log.received(1, 1.0)
    log.received(3, 1.0)
    assert take(log)[0].arrivals == [4000, None, 4000]
    log.received(6, 1.1)
    (report,) = take(log)
    assert (report.base, report.arrivals) == (4, [None, None, 4400])


def test_numbers_wrap() -> None:
    log = TransportFeedback()
    for seq in (65_534, 65_535, 0, 1):
        log.received(seq, 1.0)
    (report,) = take(log)
    assert (report.base, len(report.arrivals)) == (65_534, 4)
    log.received(2, 1.0)
    assert take(log)[0].base == 2


def test_packets_in_another_order_have_negative_deltas() -> None:
    log = TransportFeedback()
    log.received(1, 1.0)
    log.received(3, 1.01)
    log.received(2, 1.02)
    assert take(log)[0].arrivals == [4000, 4080, 4040]


def test_one_before_the_first_counts() -> None:
    log = TransportFeedback()
    log.received(0, 1.0)
    log.received(65_535, 1.01)
    (report,) = take(log)
    assert (report.base, report.arrivals) == (65_535, [4040, 4000])


def test_a_late_one_is_reported_again_with_those_behind_it() -> None:
    log = TransportFeedback()
    for seq in (1, 3, 4):
        log.received(seq, 1.0)
    take(log)
    log.received(2, 1.1)
    (report,) = take(log)
    assert (report.base, report.arrivals) == (2, [4400, 4000, 4000])


def test_a_duplicate_is_no_news() -> None:
    log = TransportFeedback()
    log.received(1, 1.0)
    take(log, 1.0)
    log.received(1, 2.0)
    assert not log.is_due(2.0)
    assert take(log, 2.0) == []


def test_one_that_is_too_late_is_not_told_of() -> None:
    log = TransportFeedback()
    log.received(0, 1.0)
    log.received(MAX_LATE + 1, 1.0)
    take(log, 1.0)
    log.received(1, 1.0)
    assert not log.is_due(9.0)
    log.received(2, 1.0)
    assert log.is_due(9.0)


def test_a_sender_that_counts_anew_is_followed() -> None:
    log = TransportFeedback()
    log.received(20_000, 1.0)
    take(log)
    log.received(3, 1.5)
    (report,) = take(log)
    assert (report.base, report.arrivals) == (3, [6000])


def test_a_gap_beyond_memory_is_not_reported() -> None:
    log = TransportFeedback()
    log.received(1, 1.0)
    log.received(SLOTS - 1, 1.0)
    log.received(SLOTS + 1, 1.0)
    reports = take(log)
    assert [(r.base, r.arrivals) for r in reports] == [(SLOTS + 1, [4000])]


def test_reports_are_due_by_time_or_number() -> None:
    log = TransportFeedback()
    assert not log.is_due(1.0)
    log.received(1, 1.0)
    assert log.is_due(1.0)
    take(log, 1.0)
    log.received(2, 1.01)
    assert not log.is_due(1.01)
    assert log.is_due(1.0 + INTERVAL_S)
    for seq in range(3, 2 + MAX_UNREPORTED):
        log.received(seq, 1.02)
    assert log.is_due(1.02)


def test_their_counter_wraps() -> None:
    log = TransportFeedback()
    counts = []
    for seq in range(300):
        log.received(seq, 1.0)
        counts.append(take(log)[0].count)
    assert counts == [seq % 256 for seq in range(300)]


def test_a_long_silence_begins_another_packet() -> None:
    log = TransportFeedback()
    log.received(1, 1.0)
    log.received(2, 20.0)
    reports = take(log)
    assert [(r.base, r.arrivals) for r in reports] == [(1, [4000]), (2, [80_000])]


def test_a_report_fits_a_datagram_whatever_came() -> None:
    log = TransportFeedback()
    for index in range(SLOTS):
        log.received(index, 1.0 + (index % 2) * 0.1)
    packets = log.take(1, 2, 2.0)
    assert max(map(len, packets)) <= 1000
    assert sum(len(read(packet).arrivals) for packet in packets) == SLOTS


def test_nobody_else_mistakes_it_for_a_nack() -> None:
    log = TransportFeedback()
    log.received(1, 1.0)
    assert parse_compound(log.take(1, 2, 1.0)[0]) == []


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(-40, 40), st.integers(0, 400), st.booleans()),
        min_size=1,
        max_size=200,
    ),
    st.integers(0, 0xFFFF),
)
def test_the_last_word_on_each_packet_is_its_arrival(
    events: list[tuple[int, int, bool]], first: int
) -> None:
    """Reordering, duplicates and loss, reports at any moment."""
    log = TransportFeedback()
    number, ticks = first, 4000
    came: dict[int, int] = {}
    said: dict[int, int | None] = {}
    for step, pause, report in events:
        number += step
        ticks += pause
        came.setdefault(number & 0xFFFF, ticks)
        log.received(number & 0xFFFF, ticks * TICK_S + TICK_S / 4)
        if report:
            said |= told(take(log, ticks * TICK_S))
    said |= told(take(log))
    assert {seq: t for seq, t in said.items() if t is not None} == came


@pytest.mark.parametrize("jump", [1, SLOTS - 1, SLOTS, 30_000, 0x8000, 0xFFFF])
def test_no_jump_of_numbers_costs_more_than_its_slots(jump: int) -> None:
    log = TransportFeedback()
    seq = 0
    for index in range(50):
        seq = (seq + jump) & 0xFFFF
        log.received(seq, 1.0 + index)
        reports = take(log)
        assert sum(len(report.arrivals) for report in reports) <= SLOTS
