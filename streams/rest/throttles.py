"""Bounds on requests: of each caller, and on failed attempts of each address.

Counters of a fixed minute in Django's cache. Where that is in the process, each
process counts on its own.
"""

from __future__ import annotations

import time
from hashlib import sha256

from django.core.cache import cache
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from streams.client_address import throttle_key

WINDOW_S = 60


class CallerThrottle(BaseThrottle):
    """So many requests a minute of one key, JWT or person."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        user = request.user
        caller = str(getattr(user, "name", "") or f"user-{user.pk}")
        return count("caller", caller) <= limit_of("caller")

    def wait(self) -> float:
        return seconds_left()


def check_failures(address: str) -> None:
    """Raises Throttled for an address that has failed too often in this minute."""
    if count("failure", throttle_key(address), by=0) >= limit_of("failure"):
        raise Throttled(wait=seconds_left())


def count_failure(address: str) -> None:
    count("failure", throttle_key(address))


def limit_of(kind: str) -> int:
    """`kind`: caller, failure. Requests a minute."""
    return int(str(api_settings.DEFAULT_THROTTLE_RATES[kind]).partition("/")[0])


def count(kind: str, whose: str, by: int = 1) -> int:
    """How many there are in this minute, with the `by` ones that come now."""
    window = int(time.time()) // WINDOW_S
    digest = sha256(whose.encode(errors="replace")).hexdigest()
    key = f"rest-{kind}-{window}-{digest}"
    if cache.add(key, by, 2 * WINDOW_S):
        return by
    try:
        return int(cache.incr(key, by))
    except ValueError:  # dropped between the two: a full cache
        return by


def seconds_left() -> float:
    return WINDOW_S - time.time() % WINDOW_S
