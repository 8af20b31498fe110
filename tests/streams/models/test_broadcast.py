from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from streams.clock import now_ms
from streams.models import Application, Broadcast


def test_a_stream_id_is_unique_in_its_application(application: Application) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")

    with pytest.raises(IntegrityError):
        Broadcast.objects.create(application=application, stream_id="cam")


@pytest.mark.parametrize("stream_id", ["", "a/b", "../x", "a b", "x" * 129])
def test_it_rejects_ids_outside_the_contract(
    application: Application, stream_id: str
) -> None:
    with pytest.raises(ValidationError):
        Broadcast(application=application, stream_id=stream_id).full_clean()


def test_a_registered_broadcast_is_created_now(application: Application) -> None:
    broadcast = Broadcast.objects.create(application=application, stream_id="cam")

    assert broadcast.status == broadcast.current_status == "created"
    assert abs(broadcast.date - now_ms()) < 60_000
    assert not broadcast.zombi


@pytest.mark.parametrize(
    ("status", "age_ms", "virtual", "read"),
    [
        ("broadcasting", 0, False, "broadcasting"),
        ("broadcasting", 19_000, False, "broadcasting"),
        ("broadcasting", 20_001, False, "terminated_unexpectedly"),
        ("preparing", 20_001, False, "terminated_unexpectedly"),
        ("broadcasting", 20_001, True, "broadcasting"),
        ("finished", 10**9, False, "finished"),
        ("created", 10**9, False, "created"),
    ],
)
def test_a_live_status_must_be_fresh(
    status: str, age_ms: int, virtual: bool, read: str
) -> None:
    broadcast = Broadcast(status=status, update_time=now_ms() - age_ms, virtual=virtual)

    assert broadcast.current_status == read
