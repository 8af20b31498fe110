from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from signalling import load
from streams.measured import measured
from streams.services import Load


def test_an_unsampled_machine_is_idle() -> None:
    assert load.LoadSampler().mean() == Load(0.0, float("inf"))


def test_it_is_the_mean_of_the_last_five_samples() -> None:
    sampler = load.LoadSampler()
    for cpu in (1000, 10, 20, 30, 40, 50):
        sampler.add(Load(float(cpu), float(cpu) * 10))

    assert sampler.mean() == Load(30.0, 300.0)


def test_a_sample_is_of_this_machine() -> None:
    sample = load.take_sample()

    assert 0 <= sample.cpu_percent <= 100
    assert sample.free_ram_mb > 0


async def test_it_samples_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "SAMPLE_INTERVAL_S", 0.0)
    sampled = asyncio.Event()
    loop = asyncio.get_running_loop()

    def sample() -> Load:
        loop.call_soon(sampled.set)
        return Load(50.0, 100.0)

    monkeypatch.setattr(load, "take_sample", sample)
    sampler = load.LoadSampler()
    sampler.start()
    sampler.start()
    await sampled.wait()

    assert sampler.mean() == Load(50.0, 100.0)
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "load sampler"]
    assert len(tasks) == 1
    await sampler.stop()
    await sampler.stop()
    assert tasks[0].done()
    assert sampler.mean() == Load(0.0, float("inf"))


def test_it_starts_anew_in_another_loop() -> None:
    sampler = load.LoadSampler()

    async def start() -> None:
        sampler.start()

    asyncio.run(start())
    asyncio.run(start())


class Group:
    """A control group of this process, in a directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def bound_memory(self, limit: int, used: int) -> None:
        (self.path / "memory.max").write_text(f"{limit}\n")
        (self.path / "memory.current").write_text(f"{used}\n")
        (self.path / "memory.stat").write_text("inactive_file 0\n")

    def bound_cpu(self, quota_us: int, used_us: int) -> None:
        (self.path / "cpu.max").write_text(f"{quota_us} 100000\n")
        (self.path / "cpu.stat").write_text(f"usage_usec {used_us}\nuser_usec 1\n")


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    monkeypatch.setattr(load, "own_groups", lambda: (tmp_path,))
    return Group(tmp_path)


def processors(monkeypatch: pytest.MonkeyPatch, usable: set[int], *busy: float) -> None:
    def percents(**_: object) -> list[float]:
        return list(busy)

    monkeypatch.setattr(psutil, "cpu_percent", percents)
    monkeypatch.setattr(load, "usable_processors", lambda: usable)


def test_only_the_processors_that_it_may_use_count(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    processors(monkeypatch, {1, 2}, 0.0, 60.0, 100.0, 0.0)
    assert load.Machine().sample().cpu_percent == 80.0


def test_a_processor_that_the_kernel_does_not_show_costs_nothing(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    processors(monkeypatch, {7}, 20.0, 40.0)
    assert load.Machine().sample().cpu_percent == 30.0


def test_a_quota_that_is_used_up_counts_on_an_idle_machine(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    processors(monkeypatch, set(range(8)), *[5.0] * 8)
    moments = iter((100.0, 101.0))
    machine = load.Machine(lambda: next(moments))
    group.bound_cpu(150_000, 0)
    assert machine.sample().cpu_percent == 5.0
    group.bound_cpu(150_000, 1_200_000)
    assert machine.sample().cpu_percent == pytest.approx(80.0)


def test_the_machine_counts_where_it_is_busier_than_the_group(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    processors(monkeypatch, {0}, 95.0)
    moments = iter((100.0, 101.0))
    machine = load.Machine(lambda: next(moments))
    for used_us in (0, 100_000):
        group.bound_cpu(100_000, used_us)
        assert machine.sample().cpu_percent == 95.0


def test_a_groups_memory_counts(group: Group) -> None:
    group.bound_memory(5 * 2**20, 4 * 2**20)
    assert load.Machine().sample().free_ram_mb == 1.0


def test_it_says_which_relays_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "busy_relays", lambda: frozenset({"relay-1"}))
    assert load.current_load().busy_relays == {"relay-1"}
