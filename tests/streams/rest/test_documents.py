from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from streams.services.app_settings import OLD_NAMES, SETTINGS
from tests.streams.rest.conftest import Caller

METHODS = {"get", "put", "post", "delete"}


@pytest.fixture
def document(nobody: Caller) -> dict[str, Any]:
    answer = nobody.get("openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_the_document_is_valid_and_complete() -> None:
    call_command(
        "spectacular",
        urlconf="streams.rest.urls",
        validate=True,
        fail_on_warn=True,
        stdout=StringIO(),
    )


def test_the_document_has_the_contracts_operations(document: dict[str, Any]) -> None:
    stream = "/broadcasts/{stream_id}"
    subscriber = f"{stream}/subscribers/{{subscriber_id}}"
    assert operations(document).keys() >= {
        f"get {stream}/token",
        f"get {stream}/jwt-token",
        "post /broadcasts/validate-token",
        f"delete {stream}/tokens",
        f"get {stream}/tokens/list/{{offset}}/{{size}}",
        f"post {stream}/subscribers",
        f"delete {stream}/subscribers",
        f"get {stream}/subscribers/list/{{offset}}/{{size}}",
        f"delete {subscriber}",
        f"get {subscriber}/totp",
        f"put {subscriber}/block/{{seconds}}/{{type}}",
        f"get {stream}/connection-events/{{offset}}/{{size}}",
        f"get {stream}/subscriber-stats/list/{{offset}}/{{size}}",
        "get /settings",
        "put /settings",
    }


def test_the_document_is_for_its_application(document: dict[str, Any]) -> None:
    assert document["servers"] == [{"url": "/LiveApp/rest/v2"}]
    assert document["openapi"].startswith("3.")


def test_every_operation_has_an_id_of_its_own_and_wants_a_key(
    document: dict[str, Any],
) -> None:
    found = operations(document)
    ids = [operation["operationId"] for operation in found.values()]
    assert len(set(ids)) == len(ids)
    for name, operation in found.items():
        assert {"key": []} in operation["security"], name
        assert {"401", "403", "429", "503"} <= operation["responses"].keys(), name
    scheme = document["components"]["securitySchemes"]["key"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_the_document_has_examples(document: dict[str, Any]) -> None:
    content = operations(document)["get /broadcasts/{stream_id}/token"]
    examples = content["responses"]["200"]["content"]["application/json"]["examples"]
    assert examples["Token"]["value"]["type"] == "play"


def test_secrets_are_in_no_answer_of_the_document(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert "jwtStreamSecretKey" in schemas["SettingsRequest"]["properties"]
    assert "jwtStreamSecretKey" not in schemas["Settings"]["properties"]
    assert "b32Secret" not in schemas["Subscriber"]["properties"]


def test_the_page_has_everything_from_this_server(nobody: Caller) -> None:
    answer = nobody.get("")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "script-src" not in answer["Content-Security-Policy"]
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    links = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(links) >= 4
    assert all(link.startswith("/") for link in links)
    assert not re.search(r"<script[^>]*>[^<\s]", text)
    for link in links:
        if link.startswith("/static/"):
            assert Client().get(link).status_code == 200, link


def test_the_pages_script_is_a_file_of_its_own(nobody: Caller) -> None:
    answer = nobody.get("?script=")
    assert answer["Content-Type"].startswith("application/javascript")
    assert "/LiveApp/rest/v2/openapi.json" in answer.content.decode()


@pytest.mark.parametrize("path", ["", "openapi.json"])
def test_an_unknown_application_has_no_document(nobody: Caller, path: str) -> None:
    assert Caller(application="Nowhere").get(path).status_code == 404


def test_the_written_documentation_has_every_operation_and_setting(
    document: dict[str, Any],
) -> None:
    text = (Path(__file__).parents[3] / "docs" / "rest.md").read_text()
    for operation in operations(document):
        method, path = operation.split()
        assert f"| {method.upper()} | `{path}` |" in text
    for name in (*SETTINGS, *OLD_NAMES):
        assert f"`{name}`" in text
