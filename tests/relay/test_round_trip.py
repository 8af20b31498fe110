"""The round trip by extended reports."""

from __future__ import annotations

import pytest

from relay.round_trip import MAX_RTT_S, RoundTrip
from relay.rtcp import DelaySinceReference

SSRC = 7


def reference(question: bytes) -> int:
    """The middle 32 bits of the time that was asked with."""
    assert question[:2] == b"\x80\xcf"
    assert question[4:8] == SSRC.to_bytes(4)
    assert question[8] == 4
    return int.from_bytes(question[12:20]) >> 16 & 0xFFFFFFFF


def answer(at: int, delay_s: float, ssrc: int = SSRC) -> list[DelaySinceReference]:
    return [DelaySinceReference(ssrc, at, int(delay_s * 65536))]


@pytest.mark.parametrize("asked_at", [0.5, 1000.0, 65535.9, 131071.99])
def test_it_is_what_passed_less_what_the_sender_waited(asked_at: float) -> None:
    path = RoundTrip(SSRC)
    assert path.rtt_s == 0
    asked = reference(path.question(asked_at))
    path.answered(answer(asked, 0.7), asked_at + 0.75)
    assert path.rtt_s == pytest.approx(0.05, abs=0.001)


def test_later_ones_move_it_slowly() -> None:
    path = RoundTrip(SSRC)
    asked = reference(path.question(10.0))
    path.answered(answer(asked, 0.0), 10.1)
    path.answered(answer(asked, 0.0), 10.5)
    assert path.rtt_s == pytest.approx(0.2, abs=0.001)


def test_no_time_at_all_is_a_little() -> None:
    path = RoundTrip(SSRC)
    path.answered(answer(reference(path.question(3.0)), 0.0), 3.0)
    assert 0 < path.rtt_s < 0.001


@pytest.mark.parametrize(
    ("ssrc", "delay_s", "after_s"),
    [
        (SSRC + 1, 0.0, 0.1),  # it answers somebody else
        (SSRC, 0.2, 0.1),  # it waited longer than it took
        (SSRC, 0.0, MAX_RTT_S + 1),
    ],
)
def test_what_cannot_be_is_ignored(ssrc: int, delay_s: float, after_s: float) -> None:
    path = RoundTrip(SSRC)
    asked = reference(path.question(20.0))
    path.answered(answer(asked, delay_s, ssrc), 20.0 + after_s)
    path.answered(answer(0, 0.0), 20.0)  # it has heard no question yet
    assert path.rtt_s == 0
