"""Round trips from the reports that a viewer answers."""

from __future__ import annotations

import pytest

from relay.rtcp import ReportBlock, build_sender_report
from relay.sent_reports import MAX_REMEMBERED, MIN_ROUND_TRIP_S, SentReports

NTP = 0x1234_5678_9ABC_DEF0
MIDDLE = 0x5678_9ABC


def block(lsr: int = MIDDLE, dlsr: int = 0) -> ReportBlock:
    return ReportBlock(5, 0, 0, 1000, 0, lsr, dlsr)


def sent(now: float = 10.0, ntp: int = NTP) -> SentReports:
    reports = SentReports()
    reports.note(build_sender_report(5, ntp, 0, 1, 1, "name"), now)
    return reports


def test_the_viewers_own_delay_is_not_part_of_it() -> None:
    found = sent(10.0).round_trip_s(block(dlsr=int(0.5 * 65536)), 10.58)
    assert found == pytest.approx(0.08, abs=1e-4)


@pytest.mark.parametrize("lsr", [0, MIDDLE + 1])
def test_an_answer_to_no_report_of_ours_tells_nothing(lsr: int) -> None:
    assert sent().round_trip_s(block(lsr), 10.1) is None


def test_an_answer_after_ages_tells_nothing() -> None:
    assert sent(10.0).round_trip_s(block(), 21.0) is None


def test_a_delay_longer_than_the_time_is_as_good_as_none() -> None:
    assert sent(10.0).round_trip_s(block(dlsr=70000), 10.5) == MIN_ROUND_TRIP_S


def test_no_more_than_the_newest_are_remembered() -> None:
    reports = sent(1.0)
    for index in range(1, MAX_REMEMBERED):
        ntp = NTP + (index << 16)
        reports.note(build_sender_report(5, ntp, 0, 1, 1, "name"), 1.0)
    assert reports.round_trip_s(block(), 1.5) == 0.5
    reports.note(build_sender_report(5, NTP - (9 << 16), 0, 1, 1, "name"), 1.0)
    assert reports.round_trip_s(block(), 1.5) is None
