"""Who asks whether the server is well hears it, whatever else is wrong."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError

from antmedia_site import health
from antmedia_site.database_probe import DatabaseProbe
from signalling import registry
from signalling.link import set_link
from tests.signalling.conftest import FakeLink
from tests.site.operations import Response, request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def link() -> Iterator[FakeLink]:
    fake = FakeLink()
    set_link(fake)
    yield fake
    set_link(None)
    registry.reopen()


def answers(monkeypatch: pytest.MonkeyPatch, question: Any, timeout_s: float) -> None:
    monkeypatch.setattr(health, "database", DatabaseProbe(question, timeout_s))


def missing(response: Response) -> list[str]:
    assert response.status == 503
    body = json.loads(response.text)
    assert body.keys() == {"ready", "missing"}
    assert body["ready"] is False
    found: list[str] = body["missing"]
    return found


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_server_that_is_well_says_so(path: str, method: str) -> None:
    response = await request(path, method, client="192.0.2.1", host="any.example")

    assert response.status == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    if method == "HEAD":
        assert response.text == ""
        assert int(response.headers["content-length"]) > 0
    else:
        assert json.loads(response.text) in ({"live": True}, {"ready": True})


async def test_without_a_relay_it_is_not_ready(link: FakeLink) -> None:
    link.names = ()
    assert missing(await request("/health/ready")) == ["relay"]
    set_link(None)
    assert missing(await request("/health/ready")) == ["relay"]
    assert (await request("/health/live")).status == 200


async def test_it_is_not_ready_as_soon_as_a_stop_begins() -> None:
    await registry.announce_stop()
    assert missing(await request("/health/ready")) == ["stopping"]
    assert (await request("/health/live")).status == 200


async def test_without_its_database_it_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away() -> bool:
        raise OperationalError("away")

    answers(monkeypatch, away, 10.0)
    assert missing(await request("/health/ready")) == ["database"]
    assert (await request("/health/live")).status == 200


async def test_a_database_that_hangs_is_asked_once_however_many_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    goes_on, asked = threading.Event(), []

    def hang() -> bool:
        asked.append(1)
        return goes_on.wait(30)

    answers(monkeypatch, hang, 0.05)
    found = await asyncio.gather(*(request("/health/ready") for _ in range(5)))
    again = await request("/health/ready")
    goes_on.set()
    probe = health.database

    assert [missing(response) for response in (*found, again)] == [["database"]] * 6
    assert (await request("/health/live")).status == 200
    assert len(asked) == 1
    assert probe._task is not None
    assert await probe._task
    assert (await request("/health/ready")).status == 200


async def test_all_that_is_missing_is_said(
    link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> bool:
        raise OperationalError("away")

    answers(monkeypatch, away, 10.0)
    link.names = ()
    await registry.announce_stop()

    assert missing(await request("/health/ready")) == ["stopping", "relay", "database"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_is_changed_there(path: str, method: str) -> None:
    response = await request(path, method)
    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD"


async def test_a_bug_is_an_answer_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> bool:
        raise RuntimeError("a secret")

    answers(monkeypatch, broken, 10.0)
    response = await request("/health/ready")

    assert response.status == 500
    assert "a secret" not in response.text
    assert "/health/ready failed" in caplog.text


@pytest.mark.parametrize("path", ["/health", "/health/", "/health/other", "/metrics/"])
async def test_addresses_below_are_an_applications_like_any_other(path: str) -> None:
    assert (await request(path, host="localhost")).status in (301, 404)
