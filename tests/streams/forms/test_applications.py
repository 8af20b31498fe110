from __future__ import annotations

import json
from typing import Any

import pytest
from django.forms import model_to_dict

from streams.forms import APPLICATION_SECRETS, ApplicationForm
from streams.models import Application

KEY = "k" * 32


@pytest.fixture
def typed(application: Application) -> dict[str, Any]:
    """What the page sends when nobody touches it."""
    Application.objects.filter(pk=application.pk).update(jwt_stream_secret=KEY)
    application.refresh_from_db()
    values = model_to_dict(application)
    matrix = json.dumps(values["visibility_matrix"])
    values["visibility_matrix"] = values["initial-visibility_matrix"] = matrix
    kept = {name: value for name, value in values.items() if value is not False}
    return kept | dict.fromkeys(APPLICATION_SECRETS, "")


def change(application: Application, typed: dict[str, Any]) -> ApplicationForm:
    return ApplicationForm(typed, instance=application)


def test_the_form_has_no_stored_secret(application: Application, db: None) -> None:
    for name in APPLICATION_SECRETS:
        setattr(application, name, f"hidden-{name}")

    text = ApplicationForm(instance=application).as_p()

    assert "hidden-" not in text
    assert text.count("-forget") >= len(APPLICATION_SECRETS)


def test_nothing_typed_changes_nothing(
    application: Application, typed: dict[str, Any]
) -> None:
    form = change(application, typed)

    assert form.is_valid(), form.errors
    assert form.changed_data == []
    assert form.save().jwt_stream_secret == KEY


def test_what_is_typed_takes_the_place_of_what_is_stored(
    application: Application, typed: dict[str, Any]
) -> None:
    form = change(application, typed | {"jwt_stream_secret": "x" * 40})

    assert form.changed_data == ["jwt_stream_secret"]
    assert form.save().jwt_stream_secret == "x" * 40


@pytest.mark.parametrize("sent", ["", None])
def test_a_secret_is_forgotten_when_asked_for(
    application: Application, typed: dict[str, Any], sent: str | None
) -> None:
    typed |= {"jwt_stream_secret": sent, "jwt_stream_secret-forget": "on"}
    if sent is None:
        del typed["jwt_stream_secret"]
    form = change(application, typed)

    assert form.changed_data == ["jwt_stream_secret"]
    assert form.save().jwt_stream_secret == ""


def test_a_new_secret_and_none_at_once_is_refused(
    application: Application, typed: dict[str, Any]
) -> None:
    typed |= {"jwt_stream_secret": "x" * 40, "jwt_stream_secret-forget": "on"}

    assert change(application, typed).errors.keys() == {"jwt_stream_secret"}


def test_a_secret_that_is_needed_cannot_be_forgotten(
    application: Application, typed: dict[str, Any]
) -> None:
    typed |= {"play_jwt_enabled": "on", "jwt_stream_secret-forget": "on"}

    assert change(application, typed).errors.keys() == {"jwt_stream_secret"}


@pytest.mark.parametrize("direction", ["publish", "play"])
def test_contradictions_are_shown_where_they_are(
    application: Application, typed: dict[str, Any], direction: str
) -> None:
    names = {f"{direction}_token_enabled", f"{direction}_jwt_enabled"}

    form = change(application, typed | dict.fromkeys(names, "on"))

    assert form.errors.keys() == names
