from __future__ import annotations

import threading

import pytest

from streams import refusals
from streams.refusals import Refusal, RefusalKey, RefusalLog


def note(log: RefusalLog, now_ms: int = 1, /, **changed: str) -> None:
    said = {
        "application": "LiveApp",
        "stream_id": "cam",
        "role": "play",
        "reason": "no_stream",
        "subscriber_id": "sub",
        "remote_ip": "192.0.2.1",
    }
    said |= changed
    log.note(
        said["application"],
        said["stream_id"],
        said["role"],
        said["reason"],
        said["subscriber_id"],
        said["remote_ip"],
        now_ms,
    )


def test_equal_refusals_are_counted_together() -> None:
    log = RefusalLog()
    for now_ms in (5, 9, 7):
        note(log, now_ms)

    assert log.take() == [
        Refusal(
            RefusalKey("LiveApp", "no_stream", "cam", "play", "sub", "192.0.2.1"), 3, 9
        )
    ]


@pytest.mark.parametrize(
    "name",
    ["application", "stream_id", "role", "reason", "subscriber_id", "remote_ip"],
)
def test_refusals_that_differ_are_counted_apart(name: str) -> None:
    log = RefusalLog()
    note(log)
    note(log, **{name: "else"})

    assert [refusal.count for refusal in log.take()] == [1, 1]


def test_what_was_taken_is_gone() -> None:
    log = RefusalLog()
    note(log)
    log.take()

    assert log.take() == []


def test_what_a_client_sends_is_cut_and_cleaned() -> None:
    log = RefusalLog()
    note(log, stream_id="\x00" + "x" * 10_000, subscriber_id="\ud800", reason="r" * 99)

    [refusal] = log.take()
    assert refusal.key.stream_id == "x" * 127
    assert refusal.key.subscriber_id == "?"
    assert refusal.key.reason == "r" * 64


def test_a_flood_of_different_ones_is_counted_by_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refusals, "MAX_KEYS", 2)
    log = RefusalLog()
    for number in range(5):
        note(log, number, stream_id=f"s{number}")
    note(log, 9, stream_id="s0")

    taken = {refusal.key: refusal.count for refusal in log.take()}

    assert taken[RefusalKey("LiveApp", "no_stream")] == 3
    assert taken[RefusalKey("LiveApp", "no_stream", "s0", "play", "sub", "192.0.2.1")]
    assert len(taken) == 3
    assert sum(taken.values()) == 6


def test_the_memory_is_bounded_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MAX_KEYS", 2)
    monkeypatch.setattr(refusals, "MAX_OVERFLOW_KEYS", 3)
    log = RefusalLog()
    for number in range(50):
        note(log, application=f"a{number}")

    assert len(log.take()) == 5
    note(log)
    assert len(log.take()) == 1


def names_of(log: RefusalLog) -> set[str]:
    return {refusal.key.stream_id for refusal in log.take()} - {""}


def test_a_flood_goes_on_as_few_rows_in_the_long_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refusals, "MAX_KEYS", 3)
    monkeypatch.setattr(refusals, "NEW_KEYS_PER_S", 2.0)
    log = RefusalLog()
    for number in range(9):
        note(log, 1_000, stream_id=f"a{number}")
    assert names_of(log) == {"a0", "a1", "a2"}

    for number in range(9):
        note(log, 2_000, stream_id=f"b{number}")
    assert names_of(log) == {"b0", "b1"}


def test_who_is_known_keeps_its_row_through_a_flood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refusals, "MAX_KEYS", 3)
    monkeypatch.setattr(refusals, "NEW_KEYS_PER_S", 0.0)
    log = RefusalLog()
    note(log, 1_000, stream_id="known")
    for number in range(9):
        note(log, 1_000, stream_id=f"a{number}")
    log.take()

    for second in range(2, 200):  # its client tries on and on
        note(log, second * 1_000, stream_id="known")
        assert names_of(log) == {"known"}


def test_who_was_not_seen_for_long_is_new_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refusals, "MAX_KEYS", 1)
    monkeypatch.setattr(refusals, "NEW_KEYS_PER_S", 0.0)
    log = RefusalLog()
    note(log, 60_000, stream_id="once")
    log.take()
    note(log, 120_000, application="Other", stream_id="b")
    log.take()

    note(log, 180_000, stream_id="once")

    assert names_of(log) == set()


def test_no_thread_loses_a_count() -> None:
    log = RefusalLog()

    def note_many() -> None:
        for _ in range(500):
            note(log)

    threads = [threading.Thread(target=note_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [refusal.count for refusal in log.take()] == [2000]
