"""The sample pages as HTTP: who gets which, what is escaped, what a frame may show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from streams.models import Application

pytestmark = pytest.mark.django_db

PAGES = ["", "index.html", "publish", "publish/", "publish.html"]
PAGES += ["play", "play/", "play.html"]
ATTACK = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=True)


@pytest.mark.parametrize("page", PAGES)
def test_it_serves_each_page_under_the_application(browser: Client, page: str) -> None:
    response = browser.get(f"/LiveApp/{page}")

    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("page", PAGES)
def test_it_does_not_know_pages_of_an_unknown_application(
    browser: Client, page: str
) -> None:
    assert browser.get(f"/Nowhere/{page}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/LiveApp/nothing",
        "/LiveApp/play/more",
        "/LiveApp%00/play",
        "/Live%20App/play",
        "/LiveApp%0A/play",
        "/..%2FLiveApp/play",
    ],
)
def test_it_answers_404_to_addresses_that_are_no_page(
    browser: Client, path: str
) -> None:
    response = browser.get(path)

    assert response.status_code == 404
    assert b"There is nothing here" in response.content


def test_it_serves_applications_made_later(browser: Client) -> None:
    Application.objects.create(name="Campus.tv_2-b")

    response = browser.get("/Campus.tv_2-b/publish")

    assert response.status_code == 200
    assert b'data-application="Campus.tv_2-b"' in response.content


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("page", ["", "publish", "play"])
def test_pages_are_only_for_reading(browser: Client, page: str, method: str) -> None:
    assert getattr(browser, method)(f"/LiveApp/{page}").status_code == 405


def test_the_index_leads_to_publish_play_and_admin(browser: Client) -> None:
    content = browser.get("/LiveApp/").content.decode()

    for link in ("/LiveApp/publish", "/LiveApp/play", "/admin/"):
        assert f'href="{link}"' in content


def test_the_first_page_is_the_index_of_the_first_application(
    browser: Client,
) -> None:
    first = Application.objects.order_by("pk").first()
    assert first is not None

    response = browser.get("/")

    assert response.status_code == 302
    assert response["Location"] == f"/{first.name}/"


def test_the_first_page_is_the_admin_while_there_is_no_application(
    browser: Client,
) -> None:
    Application.objects.all().delete()

    assert browser.get("/")["Location"] == "/admin/"


@pytest.mark.parametrize("page", ["publish", "play"])
def test_it_fills_in_the_stream_asked_for(browser: Client, page: str) -> None:
    content = browser.get(f"/LiveApp/{page}?id=stream1").content.decode()

    assert 'data-stream-id="stream1"' in content
    assert 'value="stream1"' in content


def test_it_understands_the_older_name_of_the_id(browser: Client) -> None:
    content = browser.get("/LiveApp/play.html?name=stream1").content.decode()

    assert 'data-stream-id="stream1"' in content


@pytest.mark.parametrize("page", ["publish", "play"])
def test_it_escapes_the_stream_asked_for(browser: Client, page: str) -> None:
    content = browser.get(f"/LiveApp/{page}", {"id": ATTACK}).content.decode()

    assert "alert(1)" in content
    assert "<script>alert" not in content
    assert "<img" not in content
    assert not re.search(r"""=["'][^"']*["'][^>]*onerror='alert""", content)


@pytest.mark.parametrize("page", ["", "publish", "play"])
def test_no_page_needs_inline_code_or_another_site(browser: Client, page: str) -> None:
    response = browser.get(f"/LiveApp/{page}")
    policy = response["Content-Security-Policy"]
    content = response.content.decode()

    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", content)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", content)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", content)


@pytest.mark.parametrize("page", ["", "publish"])
def test_no_other_site_may_frame_it(browser: Client, page: str) -> None:
    response = browser.get(f"/LiveApp/{page}")

    assert response["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]


@pytest.mark.parametrize("page", ["play", "play/", "play.html?id=stream1"])
def test_any_site_may_frame_the_player(browser: Client, page: str) -> None:
    response = browser.get(f"/LiveApp/{page}")

    assert "X-Frame-Options" not in response
    assert "frame-ancestors *" in response["Content-Security-Policy"]


def test_only_the_publish_page_may_use_camera_and_microphone(browser: Client) -> None:
    allowed = "camera=(self), microphone=(self)"

    assert allowed in browser.get("/LiveApp/publish")["Permissions-Policy"]
    for page in ("", "play"):
        policy = browser.get(f"/LiveApp/{page}")["Permissions-Policy"]
        assert "camera=(), microphone=()" in policy


def test_the_token_of_the_address_is_not_in_the_page(browser: Client) -> None:
    content = browser.get("/LiveApp/play?id=stream1&token=s3cret").content

    assert b"s3cret" not in content


def test_it_asks_to_come_back_while_the_database_is_away(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(Application.objects, "filter", fail)

    response = browser.get("/LiveApp/play")

    assert response.status_code == 503
    assert response["Retry-After"] == "5"


def test_the_files_of_every_page_are_there(browser: Client) -> None:
    wanted = {"/static/js/theme.js", "/static/css/pages.css", "/static/img/icon.svg"}
    for page in ("", "publish", "play"):
        content = browser.get(f"/LiveApp/{page}").content.decode()
        wanted |= set(re.findall(r'"(/static/[^"]+)"', content))

    missing = [
        url for url in wanted if not (Path(settings.BASE_DIR) / url[1:]).exists()
    ]
    assert missing == []


def test_modules_import_only_modules_that_exist() -> None:
    scripts = Path(settings.BASE_DIR) / "static" / "js"
    for script in scripts.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (scripts / name).exists(), f"{script.name} imports {name}"


def test_every_error_of_the_protocol_has_a_sentence() -> None:
    from signalling.protocol import ErrorDefinition

    table = (Path(settings.BASE_DIR) / "static/js/errors.js").read_text()
    explained = set(re.findall(r"^  ([A-Za-z_]+): (?:never|later)\(", table, re.M))

    assert {definition.value for definition in ErrorDefinition} <= explained
