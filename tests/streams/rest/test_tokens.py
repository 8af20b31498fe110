from __future__ import annotations

import time

import pytest

from streams.credentials import Claim, is_good_jwt
from streams.models import Application, Broadcast, Token
from streams.services.tokens import create_token
from tests.streams.rest.conftest import Caller

LATER = 4_000_000_000
JWT_KEY = "a key with thirty-two characters"


def token_path(**changes: object) -> str:
    values = {"type": "play", "expireDate": LATER} | changes
    query = "&".join(f"{name}={value}" for name, value in values.items())
    return f"broadcasts/cam/token?{query}"


def test_it_makes_a_token(writer: Caller) -> None:
    answer = writer.get(token_path())
    row = Token.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {
        "tokenId": row.token_id,
        "streamId": "cam",
        "expireDate": LATER,
        "type": "play",
        "roomId": None,
    }
    assert (row.stream_id, row.type, row.expire_date) == ("cam", "play", LATER)
    assert row.application.name == "LiveApp"


def test_it_makes_a_token_of_a_room(writer: Caller) -> None:
    answer = writer.get(token_path(roomId="lobby"))
    assert answer.json()["roomId"] == "lobby"
    assert Token.objects.get().room_id == "lobby"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"type": "Play"}, "type"),
        ({"type": "publish_play"}, "type"),
        ({"type": ""}, "type"),
        ({"expireDate": ""}, "expireDate"),
        ({"expireDate": "soon"}, "expireDate"),
        ({"expireDate": 0}, "expireDate"),
        ({"expireDate": 2**40 + 1}, "expireDate"),
        ({"roomId": "a room"}, "roomId"),
        ({"roomId": "r" * 129}, "roomId"),
    ],
)
@pytest.mark.parametrize("kind", ["token", "jwt-token"])
def test_it_refuses_a_token_with_a_bad_value(
    writer: Caller, kind: str, change: dict[str, object], name: str
) -> None:
    Application.objects.update(jwt_stream_secret=JWT_KEY)
    answer = writer.get(token_path(**change).replace("/token?", f"/{kind}?"))
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert answer.json()["message"].startswith(name)
    assert not Token.objects.exists()


@pytest.mark.parametrize("kind", ["token", "jwt-token"])
def test_a_token_whose_time_is_past_is_made(writer: Caller, kind: str) -> None:
    """As by Ant Media; it lets nobody in."""
    Application.objects.update(jwt_stream_secret=JWT_KEY)
    path = token_path(expireDate=1).replace("/token?", f"/{kind}?")
    answer = writer.get(path)
    assert (answer.status_code, answer.json()["expireDate"]) == (200, 1)
    used = writer.post("broadcasts/validate-token", answer.json())
    assert used.json()["success"] is False


def test_it_refuses_a_token_without_type_and_date(writer: Caller) -> None:
    answer = writer.get("broadcasts/cam/token")
    assert answer.status_code == 400
    assert "type" in answer.json()["message"]
    assert "expireDate" in answer.json()["message"]


@pytest.mark.parametrize("stream_id", ["a%20b", "x" * 129, "a%00b", "%ED%A0%80"])
def test_it_refuses_a_token_of_an_impossible_stream(
    writer: Caller, stream_id: str
) -> None:
    answer = writer.get(token_path().replace("cam", stream_id))
    assert answer.status_code == 400
    assert not Token.objects.exists()


# JWT


def test_it_makes_a_jwt_that_lets_in(writer: Caller) -> None:
    Application.objects.update(jwt_stream_secret=JWT_KEY)
    answer = writer.get(token_path(type="publish").replace("/token?", "/jwt-token?"))
    body = answer.json()
    assert answer.status_code == 200
    assert body | {"tokenId": ""} == {
        "tokenId": "",
        "streamId": "cam",
        "expireDate": LATER,
        "type": "publish",
        "roomId": None,
    }
    claim = Claim(role="publish", stream_id="cam", token=body["tokenId"])
    assert is_good_jwt(claim, JWT_KEY, int(time.time()))
    assert not Token.objects.exists()


def test_a_jwt_of_a_room_lets_into_the_room(writer: Caller) -> None:
    Application.objects.update(jwt_stream_secret=JWT_KEY)
    path = token_path(roomId="lobby").replace("/token?", "/jwt-token?")
    text = writer.get(path).json()["tokenId"]
    claim = Claim(role="play", stream_id="cam", room="lobby", token=text)
    assert is_good_jwt(claim, JWT_KEY, int(time.time()))


@pytest.mark.parametrize("secret", ["", JWT_KEY[:-1]], ids=["no key", "31 characters"])
def test_it_refuses_a_jwt_without_a_good_key(writer: Caller, secret: str) -> None:
    Application.objects.update(jwt_stream_secret=secret)
    answer = writer.get(token_path().replace("/token?", "/jwt-token?"))
    assert answer.status_code == 400
    assert answer.json()["success"] is False


# Use


def stored(application: Application, room: str = "") -> Token:
    return create_token(application, "cam", "play", LATER, room)


def claim(token: Token, **changes: object) -> dict[str, object]:
    values = {"tokenId": token.token_id, "streamId": "cam", "type": "play"}
    return values | changes


def test_validation_uses_a_token_up(writer: Caller, application: Application) -> None:
    body = claim(stored(application))
    first = writer.post("broadcasts/validate-token", body)
    second = writer.post("broadcasts/validate-token", body)
    assert (first.status_code, first.json()["success"]) == (200, True)
    assert (second.status_code, second.json()["success"]) == (200, False)
    assert not Token.objects.exists()


def test_validation_does_not_use_a_rooms_token_up(
    writer: Caller, application: Application
) -> None:
    body = claim(stored(application, "lobby"), roomId="lobby")
    for _ in range(2):
        assert writer.post("broadcasts/validate-token", body).json()["success"]


@pytest.mark.parametrize(
    "change",
    [
        {"streamId": "other"},
        {"type": "publish"},
        {"type": "Play"},
        {"roomId": "lobby"},
        {"tokenId": ""},
        {"tokenId": "x"},
        {"streamId": ""},
    ],
    ids=str,
)
def test_validation_refuses_and_keeps_a_token_that_does_not_fit(
    writer: Caller, application: Application, change: dict[str, object]
) -> None:
    answer = writer.post(
        "broadcasts/validate-token", claim(stored(application), **change)
    )
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert Token.objects.count() == 1


@pytest.mark.parametrize(
    "body", [None, {}, {"tokenId": "x"}, {"tokenId": {}, "type": "play"}], ids=str
)
def test_validation_refuses_a_body_that_is_no_token(
    writer: Caller, body: object
) -> None:
    answer = writer.post("broadcasts/validate-token", body)
    assert (answer.status_code, answer.json()["success"]) == (200, False)


@pytest.mark.parametrize("body", [[], "text", b"{", b"\xff"], ids=str)
def test_validation_refuses_a_body_that_is_no_object(
    writer: Caller, body: object
) -> None:
    assert writer.post("broadcasts/validate-token", body).status_code == 400


@pytest.mark.parametrize("stream_id", [None, "", "another"])
def test_a_rooms_token_is_good_whatever_the_stream(
    writer: Caller, application: Application, stream_id: str | None
) -> None:
    """Contract 9, testTokenOperations."""
    body = claim(stored(application, "lobby"), roomId="lobby", streamId=stream_id)
    assert writer.post("broadcasts/validate-token", body).json()["success"]
    del body["streamId"]
    assert writer.post("broadcasts/validate-token", body).json()["success"]


@pytest.mark.parametrize("room", [None, "cam"])
def test_a_publish_token_of_a_room_is_good_to_play_it(
    writer: Caller, application: Application, room: str | None
) -> None:
    """As over the WebSocket (contract 7.4, room rule); of a plain stream it is not."""
    token = create_token(application, "cam", "publish", LATER)
    body = claim(token, roomId=room)
    assert not writer.post("broadcasts/validate-token", body).json()["success"]
    Broadcast.objects.create(application=application, stream_id="cam", virtual=True)
    for _ in range(2):
        assert writer.post("broadcasts/validate-token", body).json()["success"]


def test_who_names_no_stream_uses_up_nothing(
    writer: Caller, application: Application
) -> None:
    body = claim(stored(application))
    del body["streamId"]
    assert not writer.post("broadcasts/validate-token", body).json()["success"]
    assert Token.objects.count() == 1


def test_a_token_of_another_application_is_not_valid(
    writer: Caller, application: Application
) -> None:
    Application.objects.create(name="OtherApp")
    body = claim(stored(application))
    other = Caller(writer.authorization, "OtherApp")
    assert not other.post("broadcasts/validate-token", body).json()["success"]
    assert Token.objects.count() == 1


# Lists


def test_it_lists_a_streams_tokens_by_page(
    writer: Caller, application: Application
) -> None:
    tokens = [stored(application) for _ in range(3)]
    create_token(application, "other", "play", LATER)
    answer = writer.get("broadcasts/cam/tokens/list/1/1")
    assert [row["tokenId"] for row in answer.json()] == [tokens[1].token_id]


def test_it_deletes_a_streams_tokens(writer: Caller, application: Application) -> None:
    stored(application)
    create_token(application, "other", "play", LATER)
    first = writer.delete("broadcasts/cam/tokens").json()
    second = writer.delete("broadcasts/cam/tokens").json()
    assert (first["success"], second["success"]) == (True, False)
    assert [token.stream_id for token in Token.objects.all()] == ["other"]


def test_it_does_not_delete_another_applications_tokens(
    writer: Caller, application: Application
) -> None:
    stored(application)
    Application.objects.create(name="OtherApp")
    other = Caller(writer.authorization, "OtherApp")
    assert not other.delete("broadcasts/cam/tokens").json()["success"]
    assert other.get("broadcasts/cam/tokens/list/0/10").json() == []
    assert Token.objects.count() == 1
