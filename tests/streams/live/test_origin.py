from __future__ import annotations

from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from pytest_django import Settings

from streams.limited_log import LimitedLog
from streams.live import origin
from streams.live.origin import OwnOriginOnly, is_allowed_host, is_own_origin


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://example.com", "example.com"),
        ("http://example.com:5080", "example.com:5080"),
        ("http://EXAMPLE.com:5080", "example.COM:5080"),
        ("https://example.com", "example.com"),
        ("https://example.com", "example.com:443"),
        ("http://example.com:80", "example.com"),
        ("http://192.0.2.1:5080", "192.0.2.1:5080"),
        ("http://[2001:db8::1]:5080", "[2001:db8::1]:5080"),
    ],
)
def test_a_page_of_this_host_and_port_is_own(origin: str, host: str) -> None:
    assert is_own_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "example.com"),
        ("http://example.com.evil.example", "example.com"),
        ("http://sub.example.com", "example.com"),
        ("http://example.com", "sub.example.com"),
        ("http://example.com:5081", "example.com:5080"),
        ("http://example.com", "example.com:5080"),
        ("http://example.com@evil.example", "example.com"),
        ("ftp://example.com", "example.com"),
        ("file://", "example.com"),
        ("example.com", "example.com"),
        ("null", "example.com"),
        ("null", "null"),
        ("", ""),
        ("http://", ""),
        ("http://example.com:port", "example.com:port"),
        ("http://[::1", "[::1"),
    ],
)
def test_any_other_page_is_not(origin: str, host: str) -> None:
    assert not is_own_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("https://video.example.com", True),
        ("https://a.wild.example", True),
        ("https://a.wild.example.evil.example", False),
        ("https://notwild.example", False),
        ("http://video.example.com", False),
        ("https://video.example.com:8443", False),
    ],
)
def test_a_trusted_origin_is_own_behind_a_proxy(
    settings: Settings, origin: str, own: bool
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = [
        "https://video.example.com",
        "https://*.wild.example",
    ]

    assert is_own_origin(origin, "10.0.0.5:5080") is own


def test_a_page_without_tls_is_not_own_when_the_cookie_is_for_tls(
    settings: Settings,
) -> None:
    settings.SESSION_COOKIE_SECURE = True

    assert is_own_origin("https://example.com", "example.com")
    assert not is_own_origin("http://example.com", "example.com")


def test_a_host_must_be_an_allowed_one(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["example.com", ".wild.example"]

    assert is_allowed_host("example.com:5080")
    assert is_allowed_host("a.wild.example")
    assert not is_allowed_host("evil.example")
    assert not is_allowed_host("")


async def _accept(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ([(b"host", b"a"), (b"origin", b"http://a")], True),
        ([(b"host", b"a"), (b"origin", b"http://b")], False),
        ([(b"host", b"a")], False),
        ([(b"origin", b"http://a")], False),
        ([(b"host", b"a"), (b"origin", b"http://a"), (b"origin", b"http://b")], False),
        ([(b"host", b"a"), (b"host", b"b"), (b"origin", b"http://a")], False),
        ([(b"host", b"a"), (b"origin", b"http://\xff")], False),
        ([], False),
    ],
)
async def test_it_refuses_the_handshake_of_others(
    headers: list[tuple[bytes, bytes]], accepted: bool
) -> None:
    client = WebsocketCommunicator(OwnOriginOnly(_accept), "/", headers=headers)

    connected, _ = await client.connect(timeout=10)

    assert connected is accepted
    await client.wait(timeout=10)


async def test_it_refuses_a_host_that_is_not_allowed(
    settings: Settings,
) -> None:
    settings.ALLOWED_HOSTS = ["example.com"]
    headers = [(b"host", b"rebound.example"), (b"origin", b"http://rebound.example")]
    client = WebsocketCommunicator(OwnOriginOnly(_accept), "/", headers=headers)

    connected, _ = await client.connect(timeout=10)

    assert not connected
    await client.wait(timeout=10)


async def test_refusals_do_not_fill_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = LimitedLog(origin.log._logger, clock=lambda: 0.0)
    monkeypatch.setattr(origin, "log", log)

    for _ in range(3):
        client = WebsocketCommunicator(OwnOriginOnly(_accept), "/", headers=[])
        await client.connect(timeout=10)
        await client.wait(timeout=10)

    assert len(caplog.records) == 1
