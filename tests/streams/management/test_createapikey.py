from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from streams.models import ApiKey, Application, Scope
from streams.services.api_keys import find_api_key


def run(*args: str, **options: Any) -> str:
    output = StringIO()
    call_command("createapikey", *args, stdout=output, **options)
    return output.getvalue().splitlines()[-1]


def test_the_last_line_is_the_key(db: None) -> None:
    text = run("backend")
    key = find_api_key(text, timezone.now())
    assert key is not None
    assert (key.name, key.scope, key.application) == ("backend", Scope.WRITE, None)
    assert key.expires_at is None


def test_it_makes_a_key_for_what_it_is_told(db: None) -> None:
    before = timezone.now()
    run("backend", "--scope", "read", "--application", "LiveApp", "--days", "2")
    key = ApiKey.objects.get()
    assert key.scope == Scope.READ
    assert key.application == Application.objects.get(name="LiveApp")
    assert key.expires_at is not None
    assert before + timedelta(days=2) <= key.expires_at
    assert key.expires_at <= timezone.now() + timedelta(days=2)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--application", "Nowhere"], id="unknown application"),
        pytest.param(["--days", "-1"], id="past"),
        pytest.param(["--days", "9999999"], id="too late"),
        pytest.param(["--scope", "all"], id="unknown scope"),
    ],
)
def test_it_refuses_what_is_not_there(db: None, options: list[str]) -> None:
    with pytest.raises(CommandError):
        run("backend", *options)
    assert not ApiKey.objects.exists()


def test_it_refuses_a_used_name(db: None) -> None:
    run("backend")
    with pytest.raises(CommandError, match="Name already exists"):
        run("backend")
    assert ApiKey.objects.count() == 1
