"""Programs with keys, and one without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from streams.models import ApiKey, Application, Scope
from streams.services.api_keys import create_api_key


@dataclass(frozen=True)
class Caller:
    """Sends JSON to `/LiveApp/rest/v2/`, with its key.

    A body of bytes goes out as it is.
    """

    authorization: str = ""
    application: str = "LiveApp"

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        **extra: Any,
    ) -> Any:
        if self.authorization:
            extra.setdefault("HTTP_AUTHORIZATION", self.authorization)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return APIClient().generic(
            method,
            f"/{self.application}/rest/v2/{path}",
            "" if body is None else sent,  # type: ignore[arg-type]  # bytes do
            content_type,
            **extra,
        )

    def get(self, path: str, **extra: Any) -> Any:
        return self("GET", path, **extra)

    def post(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self("POST", path, body, **extra)

    def put(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self("PUT", path, body, **extra)

    def delete(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self("DELETE", path, body, **extra)


@pytest.fixture(autouse=True)
def no_counts() -> Iterator[None]:
    """Each test has throttles of its own."""
    cache.clear()
    yield
    cache.clear()


def caller(
    name: str, scope: Scope = Scope.WRITE, application: Application | None = None
) -> Caller:
    """Has a key that was used just now: noting a use is a query of its own."""
    key, text = create_api_key(name, scope, application)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
    return Caller(f"Bearer {text}")


@pytest.fixture
def writer(application: Application) -> Caller:
    return caller("a writer")


@pytest.fixture
def reader(application: Application) -> Caller:
    return caller("a reader", Scope.READ)


@pytest.fixture
def outsider(application: Application) -> Caller:
    """Has a key, of another application."""
    other = Application.objects.create(name="OtherApp")
    return caller("an outsider", Scope.WRITE, other)


@pytest.fixture
def nobody(application: Application) -> Caller:
    return Caller()
