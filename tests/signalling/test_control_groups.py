from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.control_groups import (
    CpuMeter,
    cpu_quota,
    cpu_used_s,
    free_mb,
    own_groups,
)


def write(group: Path, **files: str) -> Path:
    group.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (group / name.replace("_", ".")).write_text(text)
    return group


@pytest.mark.parametrize(
    ("limit", "used", "reclaimable", "expected"),
    [
        ("max", "5", "inactive_file 1", None),
        ("1048576", "524288", "anon 3\ninactive_file 262144\n", 0.75),
        ("1048576", "2097152", "inactive_file 0", 0.0),
        ("nonsense", "5", "", None),
    ],
)
def test_what_a_bound_of_memory_leaves(
    tmp_path: Path, limit: str, used: str, reclaimable: str, expected: float | None
) -> None:
    write(tmp_path, memory_max=limit, memory_current=used, memory_stat=reclaimable)
    assert free_mb(tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200000 100000\n", 2.0),
        ("50000 100000\n", 0.5),
        ("max 100000\n", None),
        ("100000 0\n", None),
        ("", None),
        ("1 2 3", None),
    ],
)
def test_a_quota_is_in_processors(
    tmp_path: Path, text: str, expected: float | None
) -> None:
    assert cpu_quota(write(tmp_path, cpu_max=text)) == expected


def test_used_time_is_in_seconds(tmp_path: Path) -> None:
    write(tmp_path, cpu_stat="usage_usec 2500000\nuser_usec 1\n")
    assert cpu_used_s(tmp_path) == 2.5
    write(tmp_path, cpu_stat="nr_periods 1\n")
    assert cpu_used_s(tmp_path) is None


def test_a_machine_without_groups_has_no_bounds(tmp_path: Path) -> None:
    none = tmp_path / "none"
    assert free_mb(none) is None
    assert cpu_quota(none) is None
    assert cpu_used_s(none) is None
    assert own_groups(none, none) == (none,)


def test_a_service_is_in_its_own_group_and_all_above(tmp_path: Path) -> None:
    root, membership = tmp_path / "fs", tmp_path / "cgroup"
    (root / "system.slice" / "it.service").mkdir(parents=True)
    membership.write_text("1:name=systemd:/x\n0::/system.slice/it.service\n")
    assert own_groups(root, membership) == (
        root / "system.slice" / "it.service",
        root / "system.slice",
        root,
    )


@pytest.mark.parametrize(
    "text",
    [
        "0::/\n",  # a container with groups of its own
        "0::/docker/0123\n",  # one that sees its group as the root
        "0::/../other.slice\n",  # a namespace that it was moved into
        "0::/" + "a/" * 50,
        "4:memory:/old\n",  # only the first version
        "",
    ],
)
def test_a_container_has_the_root_alone(tmp_path: Path, text: str) -> None:
    root, membership = write(tmp_path / "fs"), tmp_path / "cgroup"
    (tmp_path / "other.slice").mkdir()
    membership.write_text(text)
    assert own_groups(root, membership) == (root,)


@given(st.text())
def test_no_text_of_a_membership_leads_out_of_the_root(text: str) -> None:
    class Membership:
        def read_text(self) -> str:
            return f"0::/{text}"

    root = Path("/nowhere/at/all")
    assert own_groups(root, Membership()) == (root,)  # type: ignore[arg-type]


def test_a_meter_needs_two_looks(tmp_path: Path) -> None:
    write(tmp_path, cpu_max="100000 100000", cpu_stat="usage_usec 1000000")
    meter = CpuMeter((tmp_path,))
    assert meter.percent(10.0, 4) is None
    write(tmp_path, cpu_stat="usage_usec 1500000")
    assert meter.percent(12.0, 4) == 25.0
    assert meter.percent(12.0, 4) is None  # no time has passed


def test_the_fullest_group_counts(tmp_path: Path) -> None:
    inner = write(tmp_path / "in", cpu_max="200000 100000", cpu_stat="usage_usec 0")
    write(tmp_path, cpu_max="100000 100000", cpu_stat="usage_usec 0")
    meter = CpuMeter((inner, tmp_path))
    meter.percent(0.0, 4)
    write(inner, cpu_stat="usage_usec 500000")
    write(tmp_path, cpu_stat="usage_usec 900000")
    assert meter.percent(1.0, 4) == pytest.approx(90.0)


def test_a_quota_of_more_than_there_is_cannot_be_used_up(tmp_path: Path) -> None:
    write(tmp_path, cpu_max="800000 100000", cpu_stat="usage_usec 0")
    meter = CpuMeter((tmp_path,))
    meter.percent(0.0, 2)
    write(tmp_path, cpu_stat="usage_usec 2000000")
    assert meter.percent(1.0, 2) == 100.0


def test_a_bound_that_comes_later_counts_from_then_on(tmp_path: Path) -> None:
    write(tmp_path, cpu_max="max 100000", cpu_stat="usage_usec 0")
    meter = CpuMeter((tmp_path,))
    assert meter.percent(0.0, 2) is None
    write(tmp_path, cpu_max="100000 100000", cpu_stat="usage_usec 7000000")
    assert meter.percent(1.0, 2) is None
    write(tmp_path, cpu_stat="usage_usec 7500000")
    assert meter.percent(2.0, 2) == 50.0
