"""The sections of a room's offers, over any coming and going."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.data_sdp import offer_data
from relay.formats import OPUS, format_of, formats_of
from relay.negotiation import Transport
from relay.room_offer import (
    MAX_SECTIONS,
    Sections,
    State,
    describe,
    id_mapping,
    is_worth_offering,
    live_mids,
    next_sections,
    slot_codecs,
    track_section,
    without,
)
from relay.sdp import Codec, LocalMedia, parse_sdp

VP8 = format_of(Codec("VP8", 1, 90000)).codec()
TRANSPORT = Transport("ufrag123", "p" * 24, "AB:" * 31 + "AB", ())


def video(mid: str, who: str = "") -> LocalMedia:
    who = who or f"s{mid}"
    return track_section(
        mid,
        who,
        [VP8],
        msid_stream=who,
        ssrc=int(mid) * 2 + 1,
        rtx_ssrc=int(mid) * 2 + 2,
        cname=who,
    )


def wanted(*mids: int) -> dict[str, LocalMedia]:
    return {"0": offer_data("0")} | {str(mid): video(str(mid)) for mid in mids}


def are_live(sections: Sections) -> bool:
    return all(section.state is State.LIVE for section in sections)


def mids(sections: Sections) -> list[str]:
    return [section.mid for section in sections]


def test_a_place_is_free_two_offers_after_its_owner_left() -> None:
    first = next_sections((), wanted(1, 2))
    assert are_live(first)
    second = next_sections(first, wanted(2))
    assert mids(second) == ["0", "1", "2"]
    assert second[1].state is State.LEFT
    third = next_sections(second, wanted(2, 3))
    assert mids(third) == ["0", "1", "2", "3"]
    assert third[1].state is State.REJECTED
    fourth = next_sections(third, wanted(2, 3, 4))
    assert mids(fourth) == ["0", "4", "2", "3"]


def test_the_first_section_is_never_rejected() -> None:
    sections = next_sections((), {"1": video("1"), "2": video("2")})
    for _ in range(3):
        sections = next_sections(sections, {"2": video("2")})
    assert sections[0].state is State.LEFT
    assert mids(next_sections(sections, {"2": video("2"), "3": video("3")})) == [
        "1",
        "2",
        "3",
    ]


def test_a_change_of_places_alone_is_not_offered() -> None:
    before = next_sections(next_sections((), wanted(1, 2)), wanted(2))
    after = next_sections(before, wanted(2))
    assert after != before
    assert not is_worth_offering(before, after, missing=False)
    assert is_worth_offering(before, next_sections(before, wanted(2, 3)), missing=True)


def test_who_finds_no_place_waits_for_one() -> None:
    everybody = range(1, MAX_SECTIONS + 10)
    full = next_sections((), wanted(*everybody))
    assert len(full) == MAX_SECTIONS
    assert not is_worth_offering(full, next_sections(full, wanted(*everybody)), True)
    left = next_sections(full, wanted(*range(6, MAX_SECTIONS + 10)))
    assert is_worth_offering(full, left, True)
    rejected = next_sections(left, wanted(*range(6, MAX_SECTIONS + 10)))
    assert is_worth_offering(left, rejected, True)
    filled = next_sections(rejected, wanted(*range(6, MAX_SECTIONS + 10)))
    assert is_worth_offering(rejected, filled, True)
    assert len(filled) == MAX_SECTIONS
    assert are_live(filled)


def test_what_the_answer_rejected_is_free_at_once() -> None:
    sections = without(next_sections((), wanted(1, 2)), {"1"})
    assert sections[1].state is State.REJECTED
    assert mids(next_sections(sections, wanted(2, 3))) == ["0", "3", "2"]


@given(st.lists(st.sets(st.integers(1, 8), max_size=6), min_size=1, max_size=15))
def test_sections_keep_their_order_and_never_share_a_mid(
    rounds: list[set[int]],
) -> None:
    """A participant who left and came back is another one with another mid."""
    generation = dict.fromkeys(range(1, 9), 0)
    sections: Sections = ()
    before: set[int] = set()
    used: set[str] = set()
    for people in rounds:
        for who in people - before:
            generation[who] += 10
        before = people
        want = wanted(*(who + generation[who] for who in people))
        following = next_sections(sections, want)
        assert live_mids(following) <= want.keys()
        assert len(following) <= MAX_SECTIONS
        assert len(set(mids(following))) == len(following)
        for old, new in zip(sections, following, strict=False):
            if old.mid != new.mid:
                assert old.state is State.REJECTED
                assert new.mid not in used
        used |= set(mids(following))
        assert live_mids(following) == want.keys()
        assert set(id_mapping(following)) == want.keys() - {"0"}
        description = parse_sdp(
            describe(following, TRANSPORT, 1, 2), max_sections=MAX_SECTIONS
        )
        assert [media.mid for media in description.media] == mids(following)
        assert set(description.bundle) == {
            s.mid for s in following if s.state is not State.REJECTED
        }
        sections = following


def test_a_slot_offers_every_codec_under_its_number() -> None:
    section = track_section(
        "v0",
        "videoTrack0",
        slot_codecs("video", ("VP8", "H264")),
        msid_stream="videoTrack0",
        ssrc=1,
        rtx_ssrc=2,
        cname="videoTrack0",
    )
    offered = {c.payload_type: c.name for c in section.codecs if c.name != "rtx"}
    assert offered == {
        form.payload_type: form.name for form in formats_of(("VP8", "H264"))
    }
    assert len(section.codecs) == 2 * len(offered)
    assert section.msid == "videoTrack0 ARDAMSvvideoTrack0"
    assert slot_codecs("audio", ("VP8",)) == [OPUS.codec()]


@given(
    st.lists(st.dictionaries(st.integers(1, 6), st.booleans()), min_size=1, max_size=15)
)
def test_who_is_hidden_for_a_while_keeps_place_and_mid(
    rounds: list[dict[int, bool]],
) -> None:
    """Each round: who is in the room, and whether the viewer may see them."""
    stays = dict.fromkeys(range(1, 7), 0)
    sections: Sections = ()
    before: set[int] = set()
    places: dict[str, int] = {}
    for people in rounds:
        for who in people.keys() - before:
            stays[who] += 10
        before = set(people)
        numbers = {who: stays[who] + who for who in people}
        seen = [numbers[who] for who, visible in people.items() if visible]
        sections = next_sections(
            sections, wanted(*seen), {str(number) for number in numbers.values()}
        )
        assert live_mids(sections) == {"0", *map(str, seen)}
        assert len(set(mids(sections))) == len(sections)
        for mid, place in places.items():
            if int(mid) in numbers.values():
                assert sections[place].mid == mid
        places = {mid: place for place, mid in enumerate(mids(sections))}
