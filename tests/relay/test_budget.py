"""What somebody may use up."""

from __future__ import annotations

from relay.budget import Budget


def test_it_refills_evenly_up_to_its_most() -> None:
    budget = Budget(per_s=100, most=200, now=0.0)
    assert budget.spend(200, 0.0) == 0
    assert budget.spend(100, 0.0) == 1.0
    assert budget.spend(0, 0.5) == 0.5
    assert budget.spend(0, 1.0) == 0
    assert budget.spend(200, 100.0) == 0
    assert budget.spend(100, 100.0) == 1.0
