"""What stands in front of which socket: the routes as they are served."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings

from antmedia_site.asgi import router
from streams.models import Application
from tests.streams.live.conftest import LogIn, log_in

__all__ = ["log_in"]

HOST = (b"host", b"site.example")
OWN = (b"origin", b"http://site.example")
OTHER = (b"origin", b"http://evil.example")
OVERVIEW = "/admin/live/socket"

Headers = list[tuple[bytes, bytes]]


def socket(path: str, headers: Headers) -> WebsocketCommunicator:
    return WebsocketCommunicator(router, path, headers=headers)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [[HOST, OTHER], [HOST]])
async def test_the_overview_is_refused_to_other_sites_even_with_a_session(
    log_in: LogIn, headers: Headers
) -> None:
    key = await sync_to_async(log_in)()
    cookie = (b"cookie", f"{settings.SESSION_COOKIE_NAME}={key}".encode())
    client = socket(OVERVIEW, [*headers, cookie])

    accepted, _ = await client.connect(timeout=10)

    assert not accepted
    await client.wait(timeout=10)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("permitted", "code"), [(False, 4403), (None, 4401)], ids=["forbidden", "nobody"]
)
async def test_the_overview_is_closed_to_those_who_may_not_watch(
    log_in: LogIn, permitted: bool | None, code: int
) -> None:
    headers = [HOST, OWN]
    if permitted is not None:
        key = await sync_to_async(log_in)(permitted=permitted)
        cookie = f"{settings.SESSION_COOKIE_NAME}={key}"
        headers.append((b"cookie", cookie.encode()))
    client = socket(OVERVIEW, headers)
    accepted, _ = await client.connect(timeout=10)
    assert accepted

    closing = await client.receive_output(timeout=10)

    assert closing == {"type": "websocket.close", "code": code}
    await client.wait(timeout=10)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [[HOST, OTHER], [HOST, OWN], [HOST]])
async def test_signalling_is_open_to_pages_of_any_site(headers: Headers) -> None:
    await sync_to_async(Application.objects.get_or_create)(name="LiveApp")
    client = socket("/LiveApp/websocket", headers)

    accepted, _ = await client.connect(timeout=10)

    assert accepted
    await client.disconnect(timeout=10)


@pytest.mark.parametrize("path", ["/admin/live", "/admin/live/socket/more", "/admin"])
async def test_any_other_path_of_the_admin_is_refused(path: str) -> None:
    client = socket(path, [HOST, OWN])

    accepted, _ = await client.connect(timeout=10)

    assert not accepted
    await client.wait(timeout=10)
