from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from streams.models import Application, LiveSession


def add(application: Application, **fields: Any) -> LiveSession:
    values = {"stream_id": "cam", "role": "play", "channel": "a", "relay": "r"}
    return LiveSession.objects.create(
        id=uuid.uuid4().hex, application=application, **{**values, **fields}
    )


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        ({"role": "publish"}, {"role": "publish", "channel": "b"}, False),
        ({"role": "publish"}, {"role": "publish", "stream_id": "other"}, True),
        ({"role": "publish"}, {"role": "play"}, True),
        ({}, {}, False),
        ({}, {"channel": "b"}, True),
        ({}, {"stream_id": "other"}, True),
    ],
)
def test_the_database_settles_who_is_live(
    application: Application,
    first: dict[str, str],
    second: dict[str, str],
    allowed: bool,
) -> None:
    add(application, **first)

    try:
        with transaction.atomic():
            add(application, **second)
    except IntegrityError:
        assert not allowed
    assert LiveSession.objects.count() == (2 if allowed else 1)


def test_streams_of_two_applications_do_not_meet(application: Application) -> None:
    other = Application.objects.get(name="WebRTCAppEE")
    for owner in (application, other):
        add(owner, role="publish")

    assert LiveSession.objects.count() == 2
