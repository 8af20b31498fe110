"""A conference on one peer connection each, between tabs of Firefox."""

from __future__ import annotations

from tests.firefox.meeting import Meet
from tests.firefox.sdk import SdkPages


def test_participants_come_and_go_and_their_places_are_used_again(
    meet: Meet, sdk: SdkPages, stream_id: str
) -> None:
    anna, bert, carl, dora, emil = (f"{stream_id}-{name}" for name in "abcde")
    first = meet(anna)
    second = meet(bert)
    first.wait_for_streams(bert)
    second.wait_for_streams(anna)
    third = meet(carl)
    for viewer, others in (
        (first, (bert, carl)),
        (second, (anna, carl)),
        (third, (anna, bert)),
    ):
        viewer.wait_for_streams(*others)
        assert f"ARDAMSv{viewer.stream}" not in viewer.received()

    third.leave()
    first.wait_until_gone(carl)
    first.wait_for_streams(bert)
    fourth = meet(dora)
    first.wait_for_streams(bert, dora)
    sections = first.sections()
    fourth.leave()
    first.wait_until_gone(dora)
    meet(emil)
    first.wait_for_streams(bert, emil)
    second.wait_for_streams(anna, emil)
    assert first.sections() == sections  # a place of one who left was taken
    assert first.losses() == 0
    assert sdk.failures() == []
    assert sdk.firefox.complaints() == []


def test_a_track_that_is_switched_off_is_not_sent_until_it_is_on_again(
    meet: Meet, stream_id: str
) -> None:
    anna, bert = f"{stream_id}-a", f"{stream_id}-b"
    first = meet(anna)
    meet(bert)
    first.wait_for_streams(bert)
    picture, sound = f"ARDAMSv{bert}", f"ARDAMSa{bert}"

    first.page.call("toggleVideo", first.room, bert, False)
    first.wait_for(sound, more=25)  # what was on its way has come
    before = first.received()[picture]
    first.wait_for(sound, more=50)
    assert first.received()[picture] == before

    first.page.call("toggleVideo", first.room, bert, True)
    first.wait_for(picture, sound, more=20)
    assert first.losses() == 0
