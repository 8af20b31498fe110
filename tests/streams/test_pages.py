"""The sample pages as HTTP: who gets which, what is escaped, what a frame may show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from streams.models import Application
from streams.pages.views import LEGACY_APPLICATION

pytestmark = pytest.mark.django_db

PAGES = ["", "index.html", "publish", "publish/", "publish.html"]
PAGES += ["play", "play/", "play.html"]
PAGES += ["conference", "conference/", "conference.html", "peer", "peer.html"]
PAGES += ["data", "data/", "data.html"]
NAMES = ["", "publish", "play", "conference", "peer", "data"]
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
@pytest.mark.parametrize("page", NAMES)
def test_pages_are_only_for_reading(browser: Client, page: str, method: str) -> None:
    assert getattr(browser, method)(f"/LiveApp/{page}").status_code == 405


def test_the_index_leads_to_every_page_and_the_admin(browser: Client) -> None:
    content = browser.get("/LiveApp/").content.decode()

    for name in NAMES[1:]:
        assert f'href="/LiveApp/{name}"' in content
    assert 'href="/admin/"' in content


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


@pytest.mark.parametrize("page", NAMES)
def test_no_page_needs_inline_code_or_another_site(browser: Client, page: str) -> None:
    response = browser.get(f"/LiveApp/{page}")
    policy = response["Content-Security-Policy"]
    content = response.content.decode()

    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", content)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", content)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", content)


@pytest.mark.parametrize("page", ["", "publish", "conference", "peer", "data"])
def test_no_other_site_may_frame_it(browser: Client, page: str) -> None:
    response = browser.get(f"/LiveApp/{page}")

    assert response["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]


@pytest.mark.parametrize("page", ["play", "play/", "play.html?id=stream1"])
def test_any_site_may_frame_the_player(browser: Client, page: str) -> None:
    response = browser.get(f"/LiveApp/{page}")

    assert "X-Frame-Options" not in response
    assert "frame-ancestors *" in response["Content-Security-Policy"]


def test_only_pages_that_send_may_use_camera_and_microphone(browser: Client) -> None:
    allowed = "camera=(self), microphone=(self)"

    for page in ("publish", "conference", "peer"):
        assert allowed in browser.get(f"/LiveApp/{page}")["Permissions-Policy"]
    for page in ("", "play", "data"):
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
    pages = [f"LiveApp/{name}" for name in NAMES]
    for page in (*pages, "WebRTCApp4/peer"):
        content = browser.get(f"/{page}").content.decode()
        wanted |= set(re.findall(r'"(/static/[^"]+)"', content))

    missing = [
        url for url in wanted if not (Path(settings.BASE_DIR) / url[1:]).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", ["conference", "peer"])
def test_it_fills_in_the_call_and_the_person_asked_for(
    browser: Client, page: str
) -> None:
    query = {"room": "team", "name": "Ada <b>", "id": ATTACK}
    content = browser.get(f"/LiveApp/{page}", query).content.decode()

    assert 'value="team"' in content
    assert 'value="Ada &lt;b&gt;"' in content
    assert "<script>alert" not in content


def test_the_peer_page_of_2017_may_reach_the_port_of_2017(browser: Client) -> None:
    response = browser.get("/WebRTCApp4/peer.html", headers={"host": "localhost:5080"})
    content = response.content.decode()

    assert 'id="localVideo"' in content
    assert f'data-legacy-port="{settings.LEGACY_PORT}"' in content
    policy = response["Content-Security-Policy"]
    assert f"connect-src 'self' ws://localhost:{settings.LEGACY_PORT}" in policy
    assert "connect-src" not in browser.get("/LiveApp/peer")["Content-Security-Policy"]


def test_a_policy_that_cannot_name_the_host_names_the_port(browser: Client) -> None:
    response = browser.get("/WebRTCApp4/peer", headers={"host": "[::1]:5080"})

    port = settings.LEGACY_PORT
    assert f"connect-src 'self' ws://*:{port}" in response["Content-Security-Policy"]


def test_the_application_of_2017_is_the_one_of_the_sockets() -> None:
    from signalling.consumer import LEGACY_APPLICATION as OF_SOCKETS

    assert LEGACY_APPLICATION == OF_SOCKETS


def test_the_sdk_lies_where_pages_of_2017_look_for_it(browser: Client) -> None:
    response = browser.get("/WebRTCApp4/js/webrtc_adaptor.js")

    assert response.status_code == 302
    assert response["Location"] == "/static/js/webrtc_adaptor.js"


def test_modules_import_only_modules_that_exist() -> None:
    scripts = Path(settings.BASE_DIR) / "static" / "js"
    for script in scripts.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (scripts / name).exists(), f"{script.name} imports {name}"


def test_every_error_of_the_protocol_has_a_sentence() -> None:
    from signalling.protocol import ErrorDefinition

    table = (Path(settings.BASE_DIR) / "static/js/errors.js").read_text()
    entry = r"^  ([A-Za-z_]+): (?:never|later|aside)\("
    explained = set(re.findall(entry, table, re.M))

    assert {definition.value for definition in ErrorDefinition} <= explained
