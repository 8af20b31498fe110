from __future__ import annotations

from streams.live.history import SLOT_MS, SLOTS, History, slot_of

NOW = 1_800_000_003_000
SLOT = slot_of(NOW)


def test_it_keeps_ten_minutes_and_the_step_that_has_begun() -> None:
    assert (SLOTS - 1) * SLOT_MS == 600_000


def test_what_was_not_sampled_is_not_known() -> None:
    history = History()
    history.add(NOW - 2 * SLOT_MS, 3, 1000)
    history.add(NOW, 5, 2000)

    series = history.series(SLOT)

    assert series["viewers"][-4:] == [None, 3, None, 5]
    assert series["incoming"][-4:] == [None, 1000, None, 2000]
    assert all(len(values) == SLOTS for values in series.values())


def test_the_last_sample_of_a_step_stands_for_it() -> None:
    history = History()
    history.add(NOW, 5, 2000)
    history.add(NOW + 2000, 6, 2100)

    assert history.series(SLOT)["viewers"][-2:] == [None, 6]


def test_it_forgets_what_is_older() -> None:
    history = History()
    for step in range(3 * SLOTS):
        history.add(NOW + step * SLOT_MS, step, 0)

    viewers = history.series(SLOT + 3 * SLOTS - 1)["viewers"]

    assert viewers[0] == 2 * SLOTS
    assert len(history._known) == SLOTS


def test_values_that_nobody_watched_for_long_move_out() -> None:
    history = History()
    history.add(NOW, 5, 2000)

    assert history.series(SLOT + SLOTS)["viewers"] == [None] * SLOTS


def test_a_clock_that_was_put_back_starts_it_anew() -> None:
    history = History()
    history.add(NOW, 5, 2000)
    history.add(NOW - 3_600_000, 7, 0)

    assert history.series(slot_of(NOW - 3_600_000))["viewers"][-1] == 7
    assert history.series(SLOT)["viewers"] == [None] * SLOTS
