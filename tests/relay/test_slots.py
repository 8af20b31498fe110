"""Which participants a viewer's slots show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.slots import (
    LOUDER_BY,
    Content,
    Wishes,
    assign_audio,
    assign_video,
    by_loudness,
    rank,
)

PEOPLE = ("ann", "bob", "cid", "dan", "eve")


def video(
    content: Content,
    people: tuple[str, ...] = PEOPLE,
    wishes: Wishes | None = None,
    *,
    speakers: tuple[str, ...] = (),
    spoke_at: dict[str, float] | None = None,
) -> Content:
    return assign_video(
        content,
        people,
        wishes or Wishes(),
        ranked=rank(people, spoke_at or {}),
        speakers=frozenset(speakers),
    )


EMPTY = ("", "", "")


def test_without_anything_else_those_who_joined_first_are_shown() -> None:
    assert video(EMPTY) == ("ann", "bob", "cid")


def test_fewer_people_than_slots_leave_slots_empty() -> None:
    assert video(EMPTY, ("ann",)) == ("ann", "", "")


def test_a_speaker_takes_one_place_and_nobody_else_moves() -> None:
    assert video(("ann", "bob", "cid"), speakers=("eve",)) == ("ann", "bob", "eve")


def test_who_spoke_longest_ago_gives_way() -> None:
    spoke_at = {"ann": 1.0, "bob": 9.0, "cid": 5.0}
    shown = video(("ann", "bob", "cid"), speakers=("eve",), spoke_at=spoke_at)
    assert shown == ("eve", "bob", "cid")


def test_who_is_shown_stays_when_he_stops_speaking() -> None:
    spoke_at = {"dan": 9.0}
    assert video(("dan", "bob", "cid"), spoke_at=spoke_at) == ("dan", "bob", "cid")


def test_a_leavers_place_is_taken_by_who_waited() -> None:
    people = ("ann", "cid", "dan", "eve")
    assert video(("ann", "bob", "cid"), people) == ("ann", "dan", "cid")


def test_a_pinned_participant_has_its_slot() -> None:
    pinned = Wishes({2: "ann"})
    assert video(("ann", "bob", "cid"), wishes=pinned) == ("cid", "bob", "ann")
    shown = video(("cid", "bob", "ann"), wishes=pinned, speakers=("dan", "eve"))
    assert shown[2] == "ann"


def test_a_pinned_participant_who_is_away_blocks_no_slot() -> None:
    shown = video(EMPTY, ("ann", "bob", "cid"), Wishes({0: "zoe"}))
    assert shown == ("ann", "bob", "cid")


def test_nobody_is_pinned_twice() -> None:
    shown = video(EMPTY, wishes=Wishes({0: "eve", 2: "eve"}))
    assert shown == ("eve", "ann", "bob")


def test_a_page_shows_its_participants_only() -> None:
    wishes = Wishes(page=(3, 3))
    shown = video(("ann", "bob", "cid"), wishes=wishes, speakers=("ann",))
    assert shown == ("dan", "eve", "")


def test_a_page_behind_the_end_is_the_last_one() -> None:
    assert video(EMPTY, wishes=Wishes(page=(40, 2))) == ("eve", "", "")
    assert assign_video(EMPTY, (), Wishes(page=(2, 2)), ranked=(), speakers=()) == EMPTY


def test_a_page_leaves_out_who_is_pinned() -> None:
    assert video(EMPTY, wishes=Wishes({1: "bob"}, page=(0, 3))) == ("ann", "bob", "cid")


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (0, ("", "", "")),
        (1, ("ann", "", "")),
        (3, ("ann", "bob", "cid")),
        (9, ("ann", "bob", "cid")),
        (-1, ("ann", "bob", "cid")),
    ],
)
def test_the_number_of_slots_in_use_can_be_limited(most: int, shown: Content) -> None:
    assert video(("ann", "bob", "cid"), wishes=Wishes(most=most)) == shown


def test_a_pin_beyond_the_limit_counts_for_nothing() -> None:
    assert video(EMPTY, wishes=Wishes({2: "eve"}, most=1)) == ("ann", "", "")


names = st.lists(st.sampled_from("abcdefgh"), unique=True).map(tuple)


@given(
    content=st.lists(st.sampled_from(["", *"abcdefgh"]), max_size=5),
    people=names,
    pinned=st.dictionaries(st.integers(0, 7), st.sampled_from("abcdefgh")),
    page=st.none() | st.tuples(st.integers(0, 9), st.integers(1, 9)),
    most=st.integers(-1, 6),
    speakers=names,
    spoke_at=st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 100)),
)
def test_slots_hold_present_people_once_and_settle(
    content: list[str],
    people: tuple[str, ...],
    pinned: dict[int, str],
    page: tuple[int, int] | None,
    most: int,
    speakers: tuple[str, ...],
    spoke_at: dict[str, float],
) -> None:
    wishes = Wishes(pinned, page, most)
    unique = tuple(
        who if who not in content[:i] else "" for i, who in enumerate(content)
    )

    def assign(now: Content) -> Content:
        return video(now, people, wishes, speakers=speakers, spoke_at=spoke_at)

    after = assign(unique)
    shown = [who for who in after if who]
    assert len(after) == len(unique)
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(people)
    assert assign(after) == after
    usable = len(unique) if most < 0 else min(most, len(unique))
    assert not any(after[usable:])
    if page is None:
        assert len(shown) == min(usable, len(people))
    moved = [
        who
        for slot, who in enumerate(after)
        if who and who in unique and unique[slot] != who and who not in pinned.values()
    ]
    # Only a pin, or a smaller number of slots, takes a place from who stays shown.
    for who in moved:
        slot = unique.index(who)
        assert slot in pinned or slot >= usable


# -- audio --------------------------------------------------------------------


def audio(
    content: Content, levels: dict[str, int], speakers: tuple[str, ...] = ()
) -> Content:
    loudest = by_loudness(levels, speakers)
    return assign_audio(content, levels, loudest, levels, 120, frozenset(speakers))


def test_the_loudest_are_heard() -> None:
    levels = {"ann": 127, "bob": 30, "cid": 127, "dan": 40}
    assert audio(("", ""), levels) == ("bob", "dan")


def test_free_slots_go_even_to_the_silent() -> None:
    assert audio(("", ""), {"ann": 127, "bob": 127}) == ("ann", "bob")


def test_silence_gives_way_to_the_faintest_sound() -> None:
    levels = {"ann": 127, "bob": 127, "cid": 119}
    assert "cid" in audio(("ann", "bob"), levels)


def test_a_little_louder_is_not_enough() -> None:
    shown = ("ann", "bob")
    levels = {"ann": 50, "bob": 40, "cid": 50 - LOUDER_BY + 1}
    assert audio(shown, levels) == shown
    assert audio(shown, levels | {"cid": 50 - LOUDER_BY}) == ("cid", "bob")


def test_a_speaker_displaces_noise_but_no_speaker() -> None:
    levels = {"ann": 45, "bob": 44, "cid": 43}
    assert audio(("ann", "bob"), levels, ("bob", "cid")) == ("cid", "bob")
    assert audio(("ann", "bob"), levels, ("ann", "bob", "cid")) == ("ann", "bob")


def test_who_left_is_replaced() -> None:
    assert audio(("zoe", "bob"), {"bob": 50, "cid": 127}) == ("cid", "bob")


def test_without_slots_or_people_nothing_is_heard() -> None:
    assert audio((), {"ann": 3}) == ()
    assert audio(("", "x"), {}) == ("", "")


@given(
    content=st.lists(st.sampled_from(["", *"abcdefgh"]), max_size=4),
    levels=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 127)),
    speakers=names,
)
def test_audio_slots_hold_present_people_once_and_settle(
    content: list[str], levels: dict[str, int], speakers: tuple[str, ...]
) -> None:
    unique = tuple(
        who if who not in content[:i] else "" for i, who in enumerate(content)
    )
    after = audio(unique, levels, speakers)
    shown = [who for who in after if who]
    assert len(shown) == len(set(shown)) == min(len(unique), len(levels))
    assert set(shown) <= levels.keys()
    again = after
    for _ in range(20):  # it comes to rest: nobody is switched to and fro
        before, again = again, audio(again, levels, speakers)
        if again == before:
            break
    assert audio(again, levels, speakers) == again
