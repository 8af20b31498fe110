"""What is not done here is refused by REST, and says so (contract 8)."""

from __future__ import annotations

import pytest

from streams.models import Application, Broadcast
from tests.streams.rest.conftest import Caller

CALLS = [
    ("POST", "start", "pulled sources"),
    ("PUT", "recording/true", "not supported here"),
    ("PUT", "recording/false?recordType=mp4&resolutionHeight=0", "not supported here"),
    ("POST", "endpoint", "not supported here"),
    ("DELETE", "endpoint", "not supported here"),
]


@pytest.fixture
def camera(application: Application) -> Broadcast:
    return Broadcast.objects.create(application=application, stream_id="cam")


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize(("method", "path", "reason"), CALLS)
def test_it_says_what_is_not_done_here(
    writer: Caller, method: str, path: str, reason: str
) -> None:
    response = writer(method, f"broadcasts/cam/{path}")

    assert response.status_code == 200
    assert response.json()["success"] is False
    assert reason in response.json()["message"]


@pytest.mark.parametrize(("method", "path", "reason"), CALLS)
@pytest.mark.parametrize("stream_id", ["unknown", "a%20b"])
def test_an_unknown_stream_is_said_to_be_unknown(
    writer: Caller, method: str, path: str, reason: str, stream_id: str
) -> None:
    response = writer(method, f"broadcasts/{stream_id}/{path}")

    assert response.status_code == 200
    assert response.json()["success"] is False
    assert response.json()["message"] == "Broadcast not found"
