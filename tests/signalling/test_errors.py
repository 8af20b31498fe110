from __future__ import annotations

import pytest

from signalling.errors import ABOUT_ROOMS, DEFINITIONS, StoreUnavailable, refusal
from signalling.protocol import ErrorDefinition
from streams.policy import Denial


@pytest.mark.parametrize("denial", Denial)
def test_every_reason_has_a_name_on_the_wire(denial: Denial) -> None:
    refused = refusal(denial, "s1")

    assert refused.definition is DEFINITIONS[denial]
    assert refused.stream_id == "s1"


def test_no_stream_has_its_code_as_text() -> None:
    refused = refusal(Denial.NO_STREAM, "s1")

    assert refused.fields == {
        "error_code": "404",
        "information": "stream_not_exist_or_not_streaming",
    }


WIRE_NAMES = {
    Denial.INVALID_STREAM_ID: "invalidStreamName",
    Denial.NOT_INITIALIZED: "not_initialized_yet",
    Denial.STORE_UNAVAILABLE: "data_store_not_available",
    Denial.SUSPENDED: "license_suspended_please_renew_license",
    Denial.RESOURCES: "highResourceUsage",
    Denial.NO_CODEC: "no_codec_enabled_in_the_server",
    Denial.ALREADY_PUBLISHING: "already_publishing",
    Denial.ID_IN_USE: "streamIdInUse",
    Denial.UNREGISTERED: "not_allowed_unregistered_streams",
    Denial.NOT_ACTIVE: "stream_not_active_or_expired",
    Denial.ALREADY_PLAYING: "already_playing",
    Denial.NO_STREAM: "no_stream_exist",
    Denial.PUBLISHER_LIMIT: "highResourceUsage",
    Denial.UNREGISTERED_ROOM: "not_allowed_unregistered_streams",
    Denial.ROOM_NOT_ACTIVE: "room_not_active_or_expired",
    Denial.UNAUTHORIZED: "unauthorized_access",
    Denial.TOO_MANY_CONNECTIONS: "unauthorized_access",
    Denial.NOT_APPROVED: "unauthorized_access",
    Denial.UNASKED: "unauthorized_access",
    Denial.BLOCKED: "user_blocked",
    Denial.NO_SEAT: "NoSpaceForNewPeer",
    Denial.ROOM_FULL: (
        "main_track_has_max_subtrack_count__not_allowed_to_add_more_subtracks"
    ),
    Denial.ROOM_FAILED: "mainTrackDBOperationFailed",
    Denial.VIEWER_LIMIT: "viewerLimitReached",
}


def test_reasons_are_called_as_by_the_contract() -> None:
    assert {denial: refusal(denial, "s1").definition for denial in Denial} == WIRE_NAMES


def test_what_is_about_a_room_names_it() -> None:
    named = {
        denial
        for denial in Denial
        if refusal(denial, "s1", "lobby").fields.get("room") == "lobby"
    }
    assert named == {
        Denial.UNREGISTERED_ROOM,
        Denial.ROOM_NOT_ACTIVE,
        Denial.ROOM_FAILED,
    }


def test_another_refusal_has_no_field_more() -> None:
    with_fields = {denial for denial in Denial if refusal(denial, "s1").fields}
    assert with_fields == {Denial.NO_STREAM, *ABOUT_ROOMS}


def test_the_stores_absence_is_a_refusal() -> None:
    assert StoreUnavailable("s1").definition is ErrorDefinition.STORE_NOT_AVAILABLE
