"""What a stranger gets out of the server process, and what it writes about it all."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.integration.client import Client, Clients
from tests.integration.web import ask, new_key
from tests.server_process import ServerProcess

PASSWORD = "correct horse battery"
REST = "/LiveApp/rest/v2"


@pytest.fixture(scope="module")
def key(server: ServerProcess) -> str:
    return new_key(server)


@pytest.fixture
def talkative_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that logs all it ever would."""
    running = ServerProcess(tmp_path, LOG_LEVEL="DEBUG")
    running.start()
    yield running
    running.stop()


# -- logs ----------------------------------------------------------------------


JWT_SECRET = "jwt-secret-that-nobody-may-ever-read"
PLAY_SECRET = "play-secret-of-codes"
PUBLISH_SECRET = "publish-secret-of-codes"
HASH_SECRET = "hash-secret-of-tokens"
B32_SECRET = "MZXW6YTBOJSWC3DT"
WEBHOOK_PASSWORD = "webhook-password"
TYPED_PASSWORD = "a-password-with-a-typo"
TYPED_AS_NAME = "a-password-in-the-wrong-field"
WRONG_KEY = "aaaaaaaaaa.wrong-key-wrong-key-wrong-key"
WRONG_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzIjoidyJ9.d3Jvbmctand0LXNpZw"
IN_A_QUERY = "token-in-a-query-string"
CODE = "918273"


def use_rest(server: ServerProcess, key: str) -> list[str]:
    """Settings with secrets, and the credentials that are made of them."""
    settings = {
        "publishTokenControlEnabled": True,
        "playJwtControlEnabled": True,
        "jwtStreamSecretKey": JWT_SECRET,
        "timeTokenSecretForPublish": PUBLISH_SECRET,
        "timeTokenSecretForPlay": PLAY_SECRET,
        "tokenHashSecret": HASH_SECRET,
        "listenerHookURL": f"http://hook:{WEBHOOK_PASSWORD}@127.0.0.1:9/?k={IN_A_QUERY}",
    }
    mine = {"Authorization": f"Bearer {key}"}
    assert ask(server, "PUT", f"{REST}/settings", settings, **mine).status == 200
    contradiction = settings | {"publishJwtControlEnabled": True}
    refused = ask(server, "PUT", f"{REST}/settings", contradiction, **mine)
    assert refused.status == 400
    subscriber = {"subscriberId": "alice", "b32Secret": B32_SECRET, "type": "publish"}
    path = f"{REST}/broadcasts/cam1/subscribers"
    assert ask(server, "POST", path, subscriber, **mine).json["success"]
    code = ask(server, "GET", f"{path}/alice/totp?type=publish", **mine)
    made = [code.json["dataId"]]
    for kind in ("token", "jwt-token"):
        for role in ("publish", "play"):
            query = f"expireDate=4000000000&type={role}"
            path = f"{REST}/broadcasts/cam1/{kind}?{query}"
            made.append(ask(server, "GET", path, **mine).json["tokenId"])
    return made


def ask_in_vain(server: ServerProcess) -> None:
    """Requests that go wrong in each way, with a secret in each place of them."""
    query = f"?token={IN_A_QUERY}&subscriberCode={CODE}"
    for path in (
        f"/LiveApp/play.html{query}",
        f"/nowhere/at/all{query}",
        f"/LiveApp/websocket{query}",
        f"{REST}/broadcasts/cam1{query}",
        f"{REST}/broadcasts/cam1/token{query}&expireDate=x",
    ):
        ask(server, "GET", path)
    ask(server, "GET", f"/{query}", Host="bad host", Cookie=f"sessionid={IN_A_QUERY}")
    for credential in (WRONG_KEY, WRONG_JWT):
        found = ask(server, "GET", f"{REST}/settings", Authorization=credential)
        assert found.status in (401, 403)
    broken = f'{{"tokenHashSecret": "{HASH_SECRET}"'
    ask(server, "PUT", f"{REST}/settings", broken, Authorization=WRONG_KEY)


def log_in(server: ServerProcess, name: str, password: str) -> int:
    page = ask(server, "GET", "/admin/login/")
    cookie = page.headers["set-cookie"].partition(";")[0]
    form = {
        "username": name,
        "password": password,
        "csrfmiddlewaretoken": cookie.partition("=")[2],
    }
    with closing(
        http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    ) as connection:
        connection.request(
            "POST",
            "/admin/login/",
            urllib.parse.urlencode(form),
            {
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": cookie,
                "Origin": server.url,
            },
        )
        return connection.getresponse().status


async def use_sockets(client: Client, credentials: list[str]) -> None:
    """Each credential presented for each role, most of them in vain."""
    for number, credential in enumerate([*credentials, IN_A_QUERY]):
        fields = {
            "token": credential,
            "subscriberId": "alice",
            "subscriberCode": CODE,
            "video": True,
            "audio": True,
        }
        for command in ("publish", "play", "getStreamInfo"):
            await client.send(command, "cam1", **fields)
            await client.receive()
        await client.send("stop", "cam1")
        if not number:
            await client.socket.send(json.dumps({"command": 5, **fields}))
            await client.socket.send(f'{{"token": "{IN_A_QUERY}"')
            await client.socket.send(json.dumps({"command": "unheard-of", **fields}))


async def test_no_secret_is_ever_in_the_log(
    talkative_server: ServerProcess, clients: Clients
) -> None:
    server = talkative_server
    key = new_key(server)
    made = use_rest(server, key)
    assert all(len(text) >= 6 for text in made)
    ask_in_vain(server)
    await use_sockets(await clients.open(server), made)
    with pytest.raises(InvalidStatus):
        await connect(f"{server.url.replace('http', 'ws')}/x?token={IN_A_QUERY}")
    statuses = [log_in(server, "admin", TYPED_PASSWORD) for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 429, 429]
    log_in(server, TYPED_AS_NAME, "x")
    assert server.stop() == 0
    log = server.log()
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:5000]
    secrets = {
        *made, key, JWT_SECRET, PLAY_SECRET, PUBLISH_SECRET, HASH_SECRET, B32_SECRET,
        WEBHOOK_PASSWORD, TYPED_PASSWORD, TYPED_AS_NAME, WRONG_KEY, WRONG_JWT,
        IN_A_QUERY, CODE, PASSWORD,
    }  # fmt: skip
    assert {secret for secret in secrets if secret in log} == set()
    assert "unheard-of" in log or "refused" in log  # it does say what happened


# -- what an answer tells ------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/admin/login/", "/LiveApp/play.html", "/nowhere", f"{REST}/settings"]
)
def test_no_answer_names_the_software(server: ServerProcess, path: str) -> None:
    answer = ask(server, "GET", path)
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers


async def test_no_handshake_names_the_software(server: ServerProcess) -> None:
    async with connect(server.websocket_url()) as socket:
        assert socket.response is not None
        assert "server" not in socket.response.headers


def test_settings_come_back_without_their_secrets(
    server: ServerProcess, key: str
) -> None:
    mine = {"Authorization": f"Bearer {key}"}
    secrets = {"tokenHashSecret": HASH_SECRET, "jwtStreamSecretKey": JWT_SECRET}
    assert ask(server, "PUT", f"{REST}/settings", secrets, **mine).status == 200
    answer = ask(server, "GET", f"{REST}/settings", **mine)
    assert answer.status == 200
    assert HASH_SECRET not in answer.text
    assert JWT_SECRET not in answer.text


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"]
)
def test_an_address_is_not_taken_from_a_header(
    server: ServerProcess, key: str, header: str
) -> None:
    """127.0.0.1 is what the filter of addresses allows, and is where the test is."""
    values = {"Authorization": f"Bearer {key}", header: "203.0.113.9"}
    assert ask(server, "GET", f"{REST}/settings", **values).status == 200


# -- ids are not paths ---------------------------------------------------------


ODD_IDS = [
    ".",
    "..",
    "...",
    "%2e%2e",
    "%2e%2e%2f",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%252e%252e%252f",
    "..;",
    "cam1%00.html",
    "~root",
    "%c0%ae%c0%ae%c0%af",
    "CON",
    "secret_key",
    "db.sqlite3",
]
SECRET_FILES = ("root:x:0", "SQLite format 3", "[core]", "DJANGO_SETTINGS_MODULE")


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_id_in_an_address_is_never_a_file(
    server: ServerProcess, key: str, odd: str
) -> None:
    secret_key = (server.data_dir / "secret_key").read_text()
    before = sorted(server.data_dir.parent.rglob("*"))
    mine = {"Authorization": f"Bearer {key}"}
    for path, expected in (
        (f"/LiveApp/{odd}", {301, 400, 404}),
        (f"/{odd}/play.html", {301, 400, 404}),
        (f"/static/{odd}", {301, 400, 404}),
        (f"/static/../{odd}", {301, 302, 400, 404}),
        (f"/LiveApp/play.html?id={odd}", {200}),
        (f"{REST}/broadcasts/{odd}", {400, 404}),
        (f"/{odd}/rest/v2/broadcasts/cam1", {400, 404}),
    ):
        answer = ask(server, "GET", path, **mine)
        assert answer.status in expected, path
        assert secret_key not in answer.text
        assert not any(word in answer.text for word in SECRET_FILES), path
    ask(server, "DELETE", f"{REST}/broadcasts/{odd}", **mine)
    after = sorted(server.data_dir.parent.rglob("*"))
    assert set(before) - set(after) <= journals(server)
    assert set(after) - set(before) <= journals(server)


def journals(server: ServerProcess) -> set[Path]:
    """The database's own files, which come and go."""
    return {server.data_dir / f"db.sqlite3-{part}" for part in ("wal", "shm")}


def test_two_dots_are_a_stream_like_any_other(server: ServerProcess, key: str) -> None:
    """A program that sends its path as it is reaches it; browsers shorten the path."""
    mine = {"Authorization": f"Bearer {key}"}
    made = ask(server, "POST", f"{REST}/broadcasts/create", {"streamId": ".."}, **mine)
    assert (made.status, made.json["streamId"]) == (200, "..")
    found = ask(server, "GET", f"{REST}/broadcasts/..", **mine)
    assert found.json["streamId"] == ".."
    assert "id=.." not in ask(server, "GET", "/LiveApp/play.html?id=..").text
    gone = ask(server, "DELETE", f"{REST}/broadcasts?ids=..", **mine)
    assert gone.json["success"]
    assert ask(server, "GET", f"{REST}/broadcasts/..", **mine).status == 404


# -- pages of other sites ------------------------------------------------------


async def test_a_signalling_socket_is_for_pages_of_any_site(
    server: ServerProcess,
) -> None:
    """Embedded players. A cookie that comes along counts for nothing."""
    headers = {"Origin": "https://elsewhere.example", "Cookie": "sessionid=x"}
    async with connect(server.websocket_url(), additional_headers=headers) as socket:
        await socket.send('{"command": "ping"}')
        assert json.loads(await socket.recv()) == {"command": "pong"}


async def test_the_overview_s_socket_is_for_pages_of_this_site(
    server: ServerProcess,
) -> None:
    url = f"{server.url.replace('http', 'ws')}/admin/live/socket"
    for origin in ("https://elsewhere.example", "null", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers={"Origin": origin})
        assert refused.value.response.status_code == 403


def test_another_site_s_form_does_not_log_in(server: ServerProcess) -> None:
    answer = ask(
        server,
        "POST",
        "/admin/login/",
        {},
        Origin="https://elsewhere.example",
        Cookie="csrftoken=" + "a" * 32,
        X_CSRFToken="a" * 32,
    )
    assert answer.status == 403
