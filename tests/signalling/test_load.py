from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from signalling import load
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


@pytest.mark.parametrize(
    ("limit", "used", "reclaimable", "expected"),
    [
        ("max", "5", "inactive_file 1", None),
        ("1048576", "524288", "anon 3\ninactive_file 262144\n", 0.75),
        ("1048576", "2097152", "inactive_file 0", 0.0),
        ("nonsense", "5", "", None),
    ],
)
def test_a_containers_bound_counts(
    tmp_path: Path, limit: str, used: str, reclaimable: str, expected: float | None
) -> None:
    group = tmp_path
    (group / "memory.max").write_text(limit)
    (group / "memory.current").write_text(used)
    (group / "memory.stat").write_text(reclaimable)

    assert load.free_in_group_mb(group) == expected


def test_a_machine_without_groups_has_no_such_bound(tmp_path: Path) -> None:
    assert load.free_in_group_mb(tmp_path / "none") is None
