"""Faults of the database, told apart from faults of ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError

from streams.policy import AccessDenied, Denial

P = ParamSpec("P")
R = TypeVar("R")


class LostRaceError(Exception):
    """Another transaction changed what this one had looked at: look again."""


def denies_without_store(service: Callable[P, R]) -> Callable[P, R]:
    """While the database is away or locked, the service raises AccessDenied."""

    @wraps(service)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return service(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            raise AccessDenied(Denial.STORE_UNAVAILABLE) from error

    return guarded
