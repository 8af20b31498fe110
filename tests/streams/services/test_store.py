from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError

from streams.policy import AccessDenied, Denial
from streams.services.store import denies_without_store


def service(fault: Exception | None) -> str:
    if fault is not None:
        raise fault
    return "done"


def test_it_passes_results_on() -> None:
    assert denies_without_store(service)(None) == "done"


@pytest.mark.parametrize("fault", [OperationalError("away"), InterfaceError("closed")])
def test_a_database_that_is_away_is_a_refusal(fault: Exception) -> None:
    with pytest.raises(AccessDenied) as denied:
        denies_without_store(service)(fault)

    assert denied.value.reason is Denial.STORE_UNAVAILABLE
    assert denied.value.__cause__ is fault


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(ProgrammingError):
        denies_without_store(service)(ProgrammingError("no such column"))


def test_a_refusal_passes() -> None:
    with pytest.raises(AccessDenied) as denied:
        denies_without_store(service)(AccessDenied(Denial.NO_STREAM))

    assert denied.value.reason is Denial.NO_STREAM
