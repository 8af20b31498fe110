"""Every phase of every machine with every step."""

from __future__ import annotations

from itertools import product

import pytest

from signalling.phases import (
    LIVE_PHASES,
    PUBLISHER,
    ROOM_VIEWER,
    VIEWER,
    Phase,
    Role,
    Step,
    Transitions,
    transitions_of,
)

# Phase, step: the phase after it. Everything else is not expected.
P, O, C, L, A, LO = Phase  # noqa: E741
EXPECTED: dict[str, dict[tuple[Phase, Step], Phase]] = {
    "publisher": {
        (P, Step.CLIENT_OFFERS): C,
        (C, Step.RELAY_ANSWERS): A,
        (P, Step.MEDIA_FLOWS): L,
        (O, Step.MEDIA_FLOWS): L,
        (C, Step.MEDIA_FLOWS): L,
        (A, Step.MEDIA_FLOWS): L,
    },
    "viewer": {
        (P, Step.RELAY_OFFERS): O,
        (O, Step.CLIENT_ANSWERS): C,
        (P, Step.MEDIA_FLOWS): L,
        (O, Step.MEDIA_FLOWS): L,
        (C, Step.MEDIA_FLOWS): L,
        (A, Step.MEDIA_FLOWS): L,
    },
    "viewer of a room": {
        (P, Step.RELAY_OFFERS): O,
        (O, Step.CLIENT_ANSWERS): C,
        (C, Step.RELAY_OFFERS): O,
        (L, Step.RELAY_OFFERS): LO,
        (LO, Step.CLIENT_ANSWERS): L,
        (P, Step.MEDIA_FLOWS): L,
        (O, Step.MEDIA_FLOWS): LO,
        (C, Step.MEDIA_FLOWS): L,
        (A, Step.MEDIA_FLOWS): L,
    },
}
TABLES: dict[str, Transitions] = {
    "publisher": PUBLISHER,
    "viewer": VIEWER,
    "viewer of a room": ROOM_VIEWER,
}


@pytest.mark.parametrize(
    ("machine", "phase", "step"), list(product(TABLES, Phase, Step))
)
def test_a_step_leads_where_it_should(machine: str, phase: Phase, step: Step) -> None:
    assert TABLES[machine].get((phase, step)) is EXPECTED[machine].get((phase, step))


@pytest.mark.parametrize("table", TABLES.values())
def test_who_is_live_stays_so(table: Transitions) -> None:
    assert all(
        after in LIVE_PHASES
        for (before, _), after in table.items()
        if before in LIVE_PHASES
    )


@pytest.mark.parametrize("table", TABLES.values())
def test_every_phase_that_can_be_reached_leads_to_media(table: Transitions) -> None:
    reached = {Phase.PREPARING, *table.values()}

    assert all((phase, Step.MEDIA_FLOWS) in table for phase in reached - LIVE_PHASES)


@pytest.mark.parametrize("table", TABLES.values())
def test_between_two_offers_there_is_an_answer(table: Transitions) -> None:
    offered = {after for (_, step), after in table.items() if step is Step.RELAY_OFFERS}

    assert not any((phase, Step.RELAY_OFFERS) in table for phase in offered)


@pytest.mark.parametrize(
    ("role", "is_room", "table"),
    [
        (Role.PUBLISH, False, PUBLISHER),
        (Role.PUBLISH, True, PUBLISHER),
        (Role.PLAY, False, VIEWER),
        (Role.PLAY, True, ROOM_VIEWER),
    ],
)
def test_each_kind_of_attempt_has_its_table(
    role: Role, is_room: bool, table: Transitions
) -> None:
    assert transitions_of(role, is_room=is_room) is table
