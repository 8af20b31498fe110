from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from streams.policy import (
    ACCESS_RULES,
    LIMIT_RULES,
    PARTICIPANT_RULES,
    PEER_RULES,
    PLAY_RULES,
    PUBLISH_RULES,
    AccessDenied,
    AccessFacts,
    Approval,
    Denial,
    LimitFacts,
    ParticipantFacts,
    PeerFacts,
    PlayFacts,
    PublishFacts,
    RoomFacts,
    Schedule,
    ServerFacts,
    decide_access,
    decide_limits,
    decide_participant,
    decide_peer,
    decide_play,
    decide_publish,
    role_or_default,
    visible_roles,
)

NOW_S = 1_700_000_000
SERVER = ServerFacts(
    ready=True,
    suspended=False,
    cpu_percent=10.0,
    cpu_limit=85.0,
    free_ram_mb=4000.0,
    min_free_ram_mb=10.0,
)
PUBLISH = PublishFacts(
    server=SERVER,
    codec_enabled=True,
    published_by_this_socket=False,
    published_by_another=False,
    registered=False,
    registration_required=False,
    schedule=Schedule(),
    now_ms=NOW_S * 1000,
)
PLAY = PlayFacts(
    server=SERVER,
    played_by_this_socket=False,
    once_per_session=True,
    streaming=True,
    now_ms=NOW_S * 1000,
)
NOT_ACTIVE = Schedule(planned_start_s=1, planned_end_s=2)

# Each row breaks one rule; the order is the contract's table of section 2.1.
SERVER_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.NOT_INITIALIZED, {"ready": False}),
    (Denial.SUSPENDED, {"suspended": True}),
    (Denial.RESOURCES, {"cpu_percent": 85.1}),
]
PUBLISH_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.PUBLISHER_LIMIT, {"publishers": 3, "publisher_limit": 3}),
    (Denial.NO_CODEC, {"codec_enabled": False}),
    (Denial.ALREADY_PUBLISHING, {"published_by_this_socket": True}),
    (Denial.ID_IN_USE, {"published_by_another": True}),
    (Denial.UNREGISTERED, {"registration_required": True}),
    (Denial.NOT_ACTIVE, {"schedule": NOT_ACTIVE}),
    (Denial.UNREGISTERED_ROOM, {"room": RoomFacts(False, True, NOT_ACTIVE)}),
    (Denial.ROOM_NOT_ACTIVE, {"room": RoomFacts(True, True, NOT_ACTIVE)}),
]
PLAY_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.ALREADY_PLAYING, {"played_by_this_socket": True}),
    (Denial.NO_STREAM, {"streaming": False}),
    (Denial.UNREGISTERED_ROOM, {"room": RoomFacts(False, True, NOT_ACTIVE)}),
    (Denial.ROOM_NOT_ACTIVE, {"room": RoomFacts(True, True, NOT_ACTIVE)}),
]
ACCESS_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.UNAUTHORIZED, {"credentials_good": False}),
    (Denial.TOO_MANY_CONNECTIONS, {"connections": 1, "connection_limit": 1}),
    (Denial.NOT_APPROVED, {"approval": Approval.REFUSED}),
    (Denial.UNASKED, {"approval": Approval.UNASKED}),
    (Denial.BLOCKED, {"blocked": True}),
]
ROOM_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.UNREGISTERED_ROOM, {"room": RoomFacts(False, True, NOT_ACTIVE)}),
    (Denial.ROOM_NOT_ACTIVE, {"room": RoomFacts(True, True, NOT_ACTIVE)}),
]
PARTICIPANT = ParticipantFacts(SERVER, RoomFacts(True, False), NOW_S * 1000)
PEER = PeerFacts(server=SERVER, others=1)
PEER_FAULTS: list[tuple[Denial, dict[str, Any]]] = [(Denial.NO_SEAT, {"others": 2})]
LIMIT_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.ROOM_FULL, {"room_publishers": 2, "room_limit": 2}),
    (Denial.ROOM_FAILED, {"room_unusable": True}),
    (Denial.VIEWER_LIMIT, {"stream_viewers": 5, "stream_limit": 5}),
    (Denial.VIEWER_LIMIT, {"application_viewers": 0, "application_limit": 0}),
]


def publish_refusal(facts: PublishFacts) -> Denial | None:
    try:
        decide_publish(facts)
    except AccessDenied as denied:
        return denied.reason
    return None


def refusal_of(facts: Any) -> Denial | None:
    decide: dict[type, Any] = {
        PublishFacts: decide_publish,
        PlayFacts: decide_play,
        PeerFacts: decide_peer,
        ParticipantFacts: decide_participant,
        AccessFacts: decide_access,
        LimitFacts: decide_limits,
    }
    try:
        decide[type(facts)](facts)
    except AccessDenied as denied:
        return denied.reason
    return None


def play_refusal(facts: PlayFacts) -> Denial | None:
    try:
        decide_play(facts)
    except AccessDenied as denied:
        return denied.reason
    return None


def test_it_admits_a_publisher_and_a_viewer() -> None:
    assert publish_refusal(PUBLISH) is None
    assert play_refusal(PLAY) is None


@pytest.mark.parametrize(("reason", "fault"), SERVER_FAULTS)
def test_it_refuses_both_roles_for_the_server(
    reason: Denial, fault: dict[str, Any]
) -> None:
    server = replace(SERVER, **fault)

    assert publish_refusal(replace(PUBLISH, server=server)) is reason
    assert play_refusal(replace(PLAY, server=server)) is reason


@pytest.mark.parametrize(("reason", "fault"), PUBLISH_FAULTS)
def test_it_refuses_a_publisher(reason: Denial, fault: dict[str, Any]) -> None:
    assert publish_refusal(replace(PUBLISH, **fault)) is reason


def test_it_refuses_a_publisher_of_a_room_s_id() -> None:
    assert publish_refusal(replace(PUBLISH, is_room=True)) is Denial.ID_IN_USE


@pytest.mark.parametrize(("reason", "fault"), PLAY_FAULTS)
def test_it_refuses_a_viewer(reason: Denial, fault: dict[str, Any]) -> None:
    assert play_refusal(replace(PLAY, **fault)) is reason


def _first_faults(
    facts: Any, faults: list[tuple[Denial, dict[str, Any]]]
) -> list[Denial | None]:
    """What is refused while faults are mended one after another, from the first on."""
    seen = []
    server_fields = {field.name for field in fields(ServerFacts)}
    for mended in range(len(faults)):
        broken: dict[str, Any] = {}
        for _, fault in reversed(faults[mended:]):
            broken |= fault
        own = {k: v for k, v in broken.items() if k not in server_fields}
        server = {k: v for k, v in broken.items() if k in server_fields}
        if server:
            own["server"] = replace(SERVER, **server)
        seen.append(refusal_of(replace(facts, **own)))
    return seen


@pytest.mark.parametrize(
    ("facts", "faults", "rules"),
    [
        (PUBLISH, [*SERVER_FAULTS, *PUBLISH_FAULTS], PUBLISH_RULES),
        (PLAY, [*SERVER_FAULTS, *PLAY_FAULTS], PLAY_RULES),
        (PARTICIPANT, [*SERVER_FAULTS, *ROOM_FAULTS], PARTICIPANT_RULES),
        (PEER, [*SERVER_FAULTS, *PEER_FAULTS], PEER_RULES),
        (AccessFacts(), ACCESS_FAULTS, ACCESS_RULES),
        (LimitFacts(), LIMIT_FAULTS, LIMIT_RULES),
    ],
    ids=["publish", "play", "room", "peer", "access", "limits"],
)
def test_the_first_rule_wins(facts: Any, faults: Any, rules: Any) -> None:
    seen = _first_faults(facts, faults)

    assert seen == [reason for reason, _ in faults]
    assert seen == [reason for reason, _ in rules]


@pytest.mark.parametrize(
    "facts",
    [
        AccessFacts(connections=1, connection_limit=2),
        AccessFacts(connections=9, connection_limit=None),
        AccessFacts(approval=Approval.GRANTED),
    ],
)
def test_it_admits_who_may_enter(facts: AccessFacts) -> None:
    assert refusal_of(facts) is None


@pytest.mark.parametrize(
    "facts",
    [
        LimitFacts(),
        LimitFacts(room_publishers=1, room_limit=2),
        LimitFacts(stream_viewers=4, stream_limit=5),
        LimitFacts(application_viewers=9, application_limit=10),
    ],
)
def test_it_admits_one_more_below_a_limit(facts: LimitFacts) -> None:
    assert refusal_of(facts) is None


def test_an_unregistered_room_is_open_unless_rooms_must_be_registered() -> None:
    room = RoomFacts(registered=False, registration_required=False)

    assert publish_refusal(replace(PUBLISH, room=room)) is None
    assert play_refusal(replace(PLAY, room=room)) is None


@pytest.mark.parametrize(
    ("load", "refused"),
    [
        ({"cpu_percent": 85.0}, False),
        ({"cpu_percent": 85.01}, True),
        ({"free_ram_mb": 10.0}, False),
        ({"free_ram_mb": 9.9}, True),
    ],
)
def test_it_refuses_only_beyond_the_limits(load: dict[str, Any], refused: bool) -> None:
    facts = replace(PUBLISH, server=replace(SERVER, **load))

    assert publish_refusal(facts) is (Denial.RESOURCES if refused else None)


@pytest.mark.parametrize(
    ("start_s", "end_s", "refused"),
    [
        (NOW_S - 10, NOW_S + 10, False),
        (NOW_S + 1, NOW_S + 10, True),
        (NOW_S - 10, NOW_S - 1, True),
        (NOW_S, NOW_S + 10, False),
        (NOW_S - 10, NOW_S, False),
        (NOW_S + 10, 0, False),
        (0, NOW_S - 10, False),
        (0, 0, False),
    ],
)
def test_planned_dates_count_when_both_are_set_and_include_their_ends(
    start_s: int, end_s: int, refused: bool
) -> None:
    facts = replace(PUBLISH, schedule=Schedule(start_s, end_s))

    assert publish_refusal(facts) is (Denial.NOT_ACTIVE if refused else None)


def test_the_end_second_belongs_to_the_window_to_its_last_millisecond() -> None:
    schedule = Schedule(NOW_S - 10, NOW_S)

    assert (
        publish_refusal(replace(PUBLISH, schedule=schedule, now_ms=NOW_S * 1000 + 999))
        is None
    )
    assert (
        publish_refusal(replace(PUBLISH, schedule=schedule, now_ms=(NOW_S + 1) * 1000))
        is Denial.NOT_ACTIVE
    )


@pytest.mark.parametrize(
    ("age_ms", "expire_after_ms", "refused"),
    [(59_999, 60_000, False), (60_000, 60_000, True), (10**9, 0, False)],
)
def test_it_refuses_a_broadcast_at_its_expiry(
    age_ms: int, expire_after_ms: int, refused: bool
) -> None:
    schedule = Schedule(
        registered_at_ms=NOW_S * 1000 - age_ms, expire_after_ms=expire_after_ms
    )

    assert publish_refusal(replace(PUBLISH, schedule=schedule)) is (
        Denial.NOT_ACTIVE if refused else None
    )


def test_a_registered_stream_may_be_published_where_registration_is_required() -> None:
    facts = replace(PUBLISH, registered=True, registration_required=True)

    assert publish_refusal(facts) is None


def test_a_socket_may_play_again_where_the_application_allows_it() -> None:
    facts = replace(PLAY, played_by_this_socket=True, once_per_session=False)

    assert play_refusal(facts) is None


def test_a_refusal_says_its_reason_and_nothing_else() -> None:
    assert str(AccessDenied(Denial.ID_IN_USE)) == "id_in_use"


MATRIX = {
    "default": ["default"],
    "speaker": ["speaker", "active_attendee"],
    "attendee": ["speaker", "active_attendee"],
    "active_attendee": ["active_attendee", "speaker"],
}


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("", {"default"}),
        ("  ", {"default"}),
        ("default", {"default"}),
        ("speaker", {"speaker", "active_attendee"}),
        ("attendee", {"speaker", "active_attendee"}),
        ("active_attendee", {"speaker", "active_attendee"}),
        ("invented", {"default"}),
        ("Speaker", {"default"}),
    ],
)
def test_a_viewer_sees_what_its_role_says(role: str, seen: set[str]) -> None:
    assert set(visible_roles(MATRIX, role)) == seen


def test_who_has_an_empty_list_sees_nobody() -> None:
    assert visible_roles({"default": ["default"], "guest": []}, "guest") == ()


def test_an_unknown_role_sees_nobody_where_there_is_no_default() -> None:
    assert visible_roles({"host": ["host"]}, "invented") == ()


@pytest.mark.parametrize(
    ("role", "named"), [("", "default"), (" ", "default"), ("host", "host")]
)
def test_a_blank_role_is_the_default_one(role: str, named: str) -> None:
    assert role_or_default(role) == named
