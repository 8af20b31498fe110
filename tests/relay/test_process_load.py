from __future__ import annotations

import resource
from pathlib import Path

from relay.process_load import STATM, ProcessLoad, resident_bytes


class Time:
    def __init__(self) -> None:
        self.now_s = 50.0
        self.cpu_s = 3.0

    def clock(self) -> float:
        return self.now_s

    def cpu_clock(self) -> float:
        return self.cpu_s


def make() -> tuple[ProcessLoad, Time]:
    time = Time()
    return ProcessLoad(0.25, time.clock, time.cpu_clock), time


def test_its_cpu_is_that_since_the_last_sample() -> None:
    load, time = make()
    time.now_s += 2.0
    time.cpu_s += 1.0
    assert load.sample().cpu_percent == 50.0
    time.now_s += 4.0
    time.cpu_s += 1.0
    assert load.sample().cpu_percent == 25.0


def test_a_sample_in_no_time_says_nothing() -> None:
    load, _ = make()
    assert load.sample().cpu_percent == 0.0


def test_its_lag_is_the_latest_tick_since_the_last_sample() -> None:
    load, time = make()
    for passed_s in (0.25, 0.25, 0.29, 0.25):
        time.now_s += passed_s
        load.tick()
    assert load.sample().lag_ms == 40.0
    assert load.sample().lag_ms == 0.0
    time.now_s += 0.35
    load.tick()
    assert load.sample().lag_ms == 100.0


def test_an_early_tick_is_not_late() -> None:
    load, time = make()
    for _ in range(3):
        time.now_s += 0.2
        load.tick()
    assert load.sample().lag_ms == 0.0


def test_a_real_process_has_memory() -> None:
    load = ProcessLoad(0.25)
    assert load.sample().rss_bytes == resident_bytes(STATM) > 2**20


def test_its_memory_is_in_pages(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    statm.write_text("900 12 5 1 0 30 0\n")
    assert resident_bytes(statm) == 12 * resource.getpagesize()


def test_memory_that_the_kernel_does_not_tell_is_not_known(tmp_path: Path) -> None:
    assert resident_bytes(tmp_path / "none") == 0
    (tmp_path / "statm").write_text("nonsense")
    assert resident_bytes(tmp_path / "statm") == 0
