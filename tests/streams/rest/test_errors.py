from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.db import DataError, InterfaceError, OperationalError

from streams.models import Application
from streams.policy import AccessDenied, Denial
from streams.rest.app_settings import SettingsView
from tests.streams.rest.conftest import Caller

SERVICE = "streams.rest.app_settings.read_settings"


def raising(error: Exception) -> Any:
    def service(*args: Any) -> Any:
        raise error

    return service


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database is locked"),
        InterfaceError("connection already closed"),
        AccessDenied(Denial.STORE_UNAVAILABLE),
    ],
    ids=repr,
)
def test_a_database_that_is_away_is_503(
    reader: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(SERVICE, raising(error))
    answer = reader.get("settings")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer.json() == {
        "success": False,
        "message": "Try again later",
        "dataId": None,
        "errorId": 503,
    }


def test_a_value_that_the_database_refuses_is_400(
    reader: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SERVICE, raising(DataError("value too long")))
    answer = reader.get("settings")
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert "too long" not in answer.content.decode()


def test_a_fault_of_ours_is_not_hidden(
    reader: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SERVICE, raising(AccessDenied(Denial.SUSPENDED)))
    with pytest.raises(AccessDenied):
        reader.get("settings")


@pytest.mark.parametrize(
    "path",
    [
        "broadcasts/cam/connection-events/0/5?subscriberId=a%00b",
        "broadcasts/cam/connection-events/0/5?a%00b=1",
        "broadcasts/a%00b/connection-events/0/5",
        "broadcasts/a%00b/subscribers/list/0/5",
    ],
)
def test_a_nul_character_is_400(reader: Caller, path: str) -> None:
    answer = reader.get(path)
    assert (answer.status_code, answer.json()["success"]) == (400, False)


def test_half_a_character_finds_nothing(reader: Caller) -> None:
    path = "broadcasts/cam/connection-events/0/5?subscriberId=%ED%A0%80"
    assert reader.get(path).json() == []


def test_what_a_model_refuses_is_400(
    reader: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SERVICE, raising(ValidationError("It does not fit.")))
    answer = reader.get("settings")
    assert (answer.status_code, answer.json()["message"]) == (400, "It does not fit.")


def test_an_impossible_application_is_404(reader: Caller) -> None:
    answer = Caller(reader.authorization, "a%20b").get("settings")
    assert (answer.status_code, answer.json()["errorId"]) == (404, 404)


def test_a_wrong_method_is_405(reader: Caller, writer: Caller) -> None:
    answer = writer.post("settings", {})
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, PUT"
    assert answer.json()["errorId"] == 405


def test_another_type_of_body_is_415(writer: Caller) -> None:
    answer = writer("PUT", "settings", b"<a/>", "application/xml")
    assert (answer.status_code, answer.json()["errorId"]) == (415, 415)


def test_a_body_that_is_too_long_is_413(writer: Caller, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20
    answer = writer.put("settings", {"suspended": True, "h264Enabled": True})
    assert (answer.status_code, answer.json()["errorId"]) == (413, 413)
    assert writer.put("settings", {"suspended": True}).status_code == 200


def chunked(body: bytes, caller: Caller) -> Any:
    headers = {
        b"transfer-encoding": b"chunked",
        b"content-type": b"application/json",
        b"authorization": caller.authorization.encode(),
    }
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/LiveApp/rest/v2/settings",
        "query_string": b"",
        "headers": list(headers.items()),
        "client": ("127.0.0.1", 5000),
    }
    request = ASGIRequest(scope, BytesIO(body))
    return SettingsView.as_view()(request, application="LiveApp")


def test_a_body_in_chunks_is_read(writer: Caller) -> None:
    """It comes without a length."""
    assert chunked(b'{"suspended": true}', writer).data["success"] is True
    assert Application.objects.get(name="LiveApp").suspended


def test_a_body_in_chunks_is_bounded(writer: Caller, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 5
    assert chunked(b'{"suspended": true}', writer).status_code == 413


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", ""])
def test_it_answers_json_whatever_is_accepted(reader: Caller, accept: str) -> None:
    answer = reader.get("settings", HTTP_ACCEPT=accept)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"


def test_a_format_in_the_query_changes_nothing(reader: Caller) -> None:
    assert reader.get("settings?format=xml").status_code == 200


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_constants_that_json_has_not_are_refused(
    writer: Caller, constant: bytes
) -> None:
    answer = writer.put("settings", b'{"suspended": %s}' % constant)
    assert answer.json()["message"] == "The body is not JSON"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("end", ["many", "m%0Any", "%0A"])
def test_an_unknown_address_is_404(nobody: Caller, method: str, end: str) -> None:
    answer = nobody(method, f"broadcasts/cam/subscribers/list/0/{end}")
    assert answer.status_code == 404
    assert answer.json()["message"] == "No such address"


def test_no_cache_keeps_an_answer(reader: Caller, nobody: Caller) -> None:
    for caller in (reader, nobody):
        assert caller.get("settings")["Cache-Control"] == "no-store"
