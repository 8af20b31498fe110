"""Every answer says what it may load, and that nobody may frame it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from antmedia_site.content_policy import DATA, HEADER, STRICT, content_policy

ROOT = Path(__file__).resolve().parent.parent.parent


def directives(policy: str) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in policy.split(";"))
    return {name: values for name, _, values in parts}


def test_the_admin_loads_nothing_from_elsewhere_and_runs_nothing_inline(
    admin_client: Client,
) -> None:
    found = directives(admin_client.get(reverse("admin:index"))[HEADER])
    assert found["default-src"] == "'self'"
    assert found["frame-ancestors"] == "'none'"
    assert found["base-uri"] == found["object-src"] == "'none'"
    assert "unsafe" not in str(found)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/login/", "/nowhere/", "/LiveApp/nowhere"])
def test_pages_of_strangers_have_the_strict_policy(client: Client, path: str) -> None:
    assert client.get(path)[HEADER] == STRICT


@pytest.mark.django_db
def test_a_refused_form_has_it_too() -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(reverse("admin:login"), {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert answer[HEADER] == STRICT


@pytest.mark.django_db
def test_a_page_that_has_its_own_keeps_it(client: Client) -> None:
    found = directives(client.get("/LiveApp/play.html")[HEADER])
    assert found["frame-ancestors"] == "*"
    answer = client.get("/LiveApp/publish.html")
    assert answer["Permissions-Policy"].startswith("camera=(self)")


@pytest.mark.django_db
async def test_it_is_the_same_without_threads(async_client: AsyncClient) -> None:
    answer = await async_client.get("/nowhere/")
    assert answer.headers[HEADER] == STRICT


def answer_of(content_type: str, status: int = 200) -> HttpResponse:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"x", content_type=content_type, status=status)

    answer = content_policy(view)(RequestFactory().get("/"))
    assert isinstance(answer, HttpResponse)
    return answer


@pytest.mark.parametrize(
    ("content_type", "policy"),
    [
        ("text/html", STRICT),
        ("text/html; charset=utf-8", STRICT),
        ("application/json", DATA),
        ("image/svg+xml", DATA),
        ("", DATA),
    ],
)
def test_data_loads_nothing_even_when_a_browser_shows_it(
    content_type: str, policy: str
) -> None:
    answer = answer_of(content_type)
    assert answer[HEADER] == policy
    assert answer["Permissions-Policy"] == "camera=(), microphone=(), geolocation=()"


def test_only_the_debug_pages_of_django_are_left_alone(settings: Settings) -> None:
    settings.DEBUG = True
    assert HEADER not in answer_of("text/html", 500)
    assert HEADER in answer_of("text/html", 200)
    settings.DEBUG = False
    assert HEADER in answer_of("text/html", 500)


def test_no_template_has_what_the_policy_forbids() -> None:
    """A style, a script or a handler in the page itself would be dead."""
    forbidden = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=",
        re.IGNORECASE,
    )
    templates = [
        path
        for folder in ("templates", "streams")
        for path in (ROOT / folder).rglob("*.html")
    ]
    assert len(templates) >= 5
    for path in templates:
        assert forbidden.search(path.read_text()) is None, path


@pytest.mark.django_db
def test_the_rest_of_the_headers(client: Client) -> None:
    answer = client.get("/admin/login/")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    cookie = answer.cookies["csrftoken"]
    assert cookie["samesite"] == "Lax"


def test_a_session_cookie_is_short_lived_and_out_of_scripts_reach(
    admin_user: object,
) -> None:
    client = Client()
    client.post(reverse("admin:login"), {"username": "admin", "password": "password"})
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 12 * 3600
