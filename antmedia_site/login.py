"""Login of the admin, with a bound on guesses.

django-axes counts failures in the database, for all processes together. Two things
are added: a bound on one address over all names, and turns, so that a hundred
guesses at once are counted as a hundred and not all let through before the first.
"""

from __future__ import annotations

import threading
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from streams.client_address import address_of_request, throttle_key

TURN_TIMEOUT_S = 10.0  # a check of a password takes about half a second
_TURNS = tuple(threading.Lock() for _ in range(64))


class LoginAttempts(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Failures of a name from an address, and of an address over all names."""

    def get_failures(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> int:
        """How often it failed; at least AXES_FAILURE_LIMIT means: locked."""
        of_name: int = super().get_failures(request, credentials)
        if _failures_of_address(request) >= settings.LOGIN_FAILURES_PER_ADDRESS:
            return max(of_name, settings.AXES_FAILURE_LIMIT)
        return of_name


def _failures_of_address(request: HttpRequest) -> int:
    counted = AccessAttempt.objects.filter(
        ip_address=client_of(request),
        attempt_time__gte=get_cool_off_threshold(request),
    ).aggregate(total=Sum("failures_since_start"))
    return int(counted["total"] or 0)


def client_of(request: HttpRequest) -> str | None:
    """Whom axes counts; None, which is one client too, when there is no address."""
    return throttle_key(address_of_request(request)) or None


def login(request: HttpRequest) -> HttpResponse:
    """The admin's login; attempts from one address are taken one after another."""
    if request.method != "POST":
        return admin.site.login(request)
    turn = _TURNS[hash(client_of(request)) % len(_TURNS)]
    if not turn.acquire(timeout=TURN_TIMEOUT_S):
        return refuse(request)
    try:
        return admin.site.login(request)
    finally:
        turn.release()


def refuse(request: HttpRequest, *_: object) -> HttpResponse:
    """The page of a locked login. It tells nothing about the account."""
    context = {"minutes": settings.LOGIN_LOCK_MINUTES}
    response = render(request, "lockout.html", context, status=429)
    response["Retry-After"] = str(settings.LOGIN_LOCK_MINUTES * 60)
    response["Cache-Control"] = "no-store"
    return response
