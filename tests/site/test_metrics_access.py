"""The metrics are not for the world."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone

from antmedia_site import metrics_access, metrics_page
from signalling.link import set_link
from streams.measured import Measured
from streams.models import Application
from streams.services.api_keys import create_api_key, revoke_api_key
from tests.signalling.conftest import FakeLink
from tests.site.operations import request

pytestmark = pytest.mark.django_db(transaction=True)
STRANGER = "198.51.100.7"


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch) -> Any:
    fake = SimpleNamespace(relay_configs=(), link=FakeLink())
    monkeypatch.setattr(metrics_page, "supervisor", lambda: fake)
    monkeypatch.setattr(metrics_page, "measured", Measured())
    cache.clear()
    yield
    set_link(None)


async def status(client: str = STRANGER, **headers: str) -> int:
    return (await request("/metrics", client=client, **headers)).status


async def make_key(**terms: Any) -> str:
    made = await database_sync_to_async(create_api_key)("scraper", "read", **terms)
    return str(made[1])


@pytest.mark.parametrize(
    "client", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]
)
async def test_this_machine_may_read_them(client: str) -> None:
    assert await status(client) == 200


@pytest.mark.parametrize("client", [STRANGER, "2001:db8::7", "10.0.0.1", ""])
async def test_nobody_else_may(client: str) -> None:
    response = await request("/metrics", client=client)
    assert response.status == 403
    assert "antmedia_" not in response.text


async def test_the_operator_names_networks(settings: Any) -> None:
    settings.METRICS_ALLOWED = "10.0.0.0/8,2001:db8::/32"
    assert await status("10.1.2.3") == 200
    assert await status("2001:db8::9") == 200
    assert await status("127.0.0.1") == 403
    assert await status("11.1.2.3") == 403


@pytest.mark.parametrize(
    "header",
    ["x_forwarded_for", "x_forwarded_proto", "forwarded", "via", "x_real_ip"],
)
async def test_a_proxy_that_we_do_not_know_of_lets_nobody_in(header: str) -> None:
    """Everybody who comes through one on this machine has its address."""
    assert await status("127.0.0.1", **{header: STRANGER}) == 403


async def test_behind_a_trusted_proxy_its_client_counts(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    settings.METRICS_ALLOWED = "127.0.0.1,10.0.0.5"
    assert await status("127.0.0.1", x_forwarded_for=STRANGER) == 403
    assert await status("127.0.0.1", x_forwarded_for=f"10.0.0.5, {STRANGER}") == 403
    assert await status("127.0.0.1", x_forwarded_for=f"{STRANGER}, 10.0.0.5") == 200
    assert await status("127.0.0.1") == 200


async def test_nobody_from_elsewhere_is_on_this_machine(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    assert await status(STRANGER, x_forwarded_for="127.0.0.1") == 403


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", ""])
async def test_a_key_for_every_application_opens_them(scheme: str) -> None:
    key = await make_key()
    assert await status(authorization=f"{scheme}{key}") == 200


async def test_a_key_for_one_application_does_not() -> None:
    find = database_sync_to_async(Application.objects.get_or_create)
    one, _ = await find(name="LiveApp")
    key = await make_key(application=one)
    assert await status(authorization=f"Bearer {key}") == 403


async def test_a_key_that_is_no_good_does_not() -> None:
    expired = await make_key(expires_at=timezone.now() - timedelta(days=1))
    assert await status(authorization=f"Bearer {expired}") == 401
    key, text = await database_sync_to_async(create_api_key)("revoked")
    await database_sync_to_async(revoke_api_key)(key)
    response = await request(
        "/metrics", client=STRANGER, authorization=f"Bearer {text}"
    )
    assert response.status == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert text not in response.text


async def test_who_guesses_is_bounded_and_a_good_key_still_works() -> None:
    key = await make_key()
    found = [await status(authorization="Bearer nonsense") for _ in range(22)]
    assert set(found[:20]) == {401}
    assert set(found[20:]) == {429}
    assert await status(authorization=f"Bearer {key}") == 200


async def test_a_key_cannot_be_checked_without_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(metrics_access, "find_api_key", away)
    assert await status(authorization="Bearer key") == 503
    assert await status("127.0.0.1") == 200
