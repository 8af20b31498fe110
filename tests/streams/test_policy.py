from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streams.policy import (
    PLAY_RULES,
    PUBLISH_RULES,
    AccessDenied,
    Denial,
    PlayFacts,
    PublishFacts,
    Schedule,
    ServerFacts,
    decide_play,
    decide_publish,
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
    server=SERVER, played_by_this_socket=False, once_per_session=True, streaming=True
)
NOT_ACTIVE = Schedule(planned_start_s=1, planned_end_s=2)

# Each row breaks one rule; the order is the contract's table of section 2.1.
SERVER_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.NOT_INITIALIZED, {"ready": False}),
    (Denial.SUSPENDED, {"suspended": True}),
    (Denial.RESOURCES, {"cpu_percent": 85.1}),
]
PUBLISH_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.NO_CODEC, {"codec_enabled": False}),
    (Denial.ALREADY_PUBLISHING, {"published_by_this_socket": True}),
    (Denial.ID_IN_USE, {"published_by_another": True}),
    (Denial.UNREGISTERED, {"registration_required": True}),
    (Denial.NOT_ACTIVE, {"schedule": NOT_ACTIVE}),
]
PLAY_FAULTS: list[tuple[Denial, dict[str, Any]]] = [
    (Denial.ALREADY_PLAYING, {"played_by_this_socket": True}),
    (Denial.NO_STREAM, {"streaming": False}),
]


def publish_refusal(facts: PublishFacts) -> Denial | None:
    try:
        decide_publish(facts)
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


@pytest.mark.parametrize(("reason", "fault"), PLAY_FAULTS)
def test_it_refuses_a_viewer(reason: Denial, fault: dict[str, Any]) -> None:
    assert play_refusal(replace(PLAY, **fault)) is reason


def test_the_first_rule_of_publishing_wins() -> None:
    """Faults are mended one after another, from the first on."""
    faults = [*SERVER_FAULTS, *PUBLISH_FAULTS]
    seen = []
    for mended in range(len(faults)):
        left = faults[mended:]
        server = {k: v for _, fault in left for k, v in fault.items()}
        own = {
            k: server.pop(k)
            for _, fault in PUBLISH_FAULTS
            for k in fault
            if k in server
        }
        facts = replace(PUBLISH, server=replace(SERVER, **server), **own)
        seen.append(publish_refusal(facts))

    assert seen == [reason for reason, _ in faults]
    assert seen == [reason for reason, _ in PUBLISH_RULES]


def test_the_first_rule_of_playing_wins() -> None:
    faults = [*SERVER_FAULTS, *PLAY_FAULTS]
    seen = []
    for mended in range(len(faults)):
        left = faults[mended:]
        server = {k: v for _, fault in left for k, v in fault.items()}
        own = {
            k: server.pop(k) for _, fault in PLAY_FAULTS for k in fault if k in server
        }
        facts = replace(PLAY, server=replace(SERVER, **server), **own)
        seen.append(play_refusal(facts))

    assert seen == [reason for reason, _ in faults]
    assert seen == [reason for reason, _ in PLAY_RULES]


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
