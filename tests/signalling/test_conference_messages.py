from __future__ import annotations

import json
from typing import Any

import pytest

from signalling.conference_messages import (
    AssignVideoTrack,
    ForceStreamQuality,
    LimitVideoTracks,
    PageVideoTracks,
    SetTrack,
    TellAssignments,
    UpdateStreamMetaData,
)
from signalling.errors import ProtocolError, SignallingError
from signalling.messages import parse_message


def parse(command: str, **fields: Any) -> Any:
    return parse_message(json.dumps({"command": command, "streamId": "hall", **fields}))


@pytest.mark.parametrize("enabled", [True, "true", "TRUE", None, 5, {}, []])
def test_a_track_is_switched_on_unless_it_says_no(enabled: object) -> None:
    said = parse("toggleVideo", trackId="cam", enabled=enabled)

    assert said == SetTrack("hall", "cam", video=True, audio=None)


@pytest.mark.parametrize("enabled", [False, "false", " False "])
def test_a_track_is_switched_off(enabled: object) -> None:
    said = parse("toggleAudio", trackId="cam", enabled=enabled)

    assert said == SetTrack("hall", "cam", video=None, audio=False)


def test_both_kinds_of_a_track_are_switched() -> None:
    said = parse("enableTrack", trackId="cam", enabled=False)

    assert said == SetTrack("hall", "cam", video=False, audio=False)


def test_a_track_need_not_be_named() -> None:
    assert parse("toggleVideo", enabled=False).track_id == ""


@pytest.mark.parametrize("track", ["a/b", "x" * 129, "?"])
def test_a_track_has_an_id(track: str) -> None:
    with pytest.raises(ProtocolError):
        parse("enableTrack", trackId=track)


def test_a_participant_is_pinned() -> None:
    said = parse("assignVideoTrackCommand", videoTrackId="videoTrack0", enabled=True)

    assert said == AssignVideoTrack("hall", "videoTrack0", enabled=True)


@pytest.mark.parametrize("label", [None, "", "a b", "x" * 65, {"a": 1}, "\ud800"])
def test_a_slot_has_a_label(label: object) -> None:
    with pytest.raises(ProtocolError):
        parse("assignVideoTrackCommand", videoTrackId=label)


@pytest.mark.parametrize(
    ("offset", "size", "page"),
    [
        (2, 3, (2, 3)),
        ("2", " 3 ", (2, 3)),
        (-1, -1, (0, 0)),
        (10**12, 10**9, (2**31 - 1, 1000)),
    ],
)
def test_a_page_of_participants(
    offset: object, size: object, page: tuple[int, int]
) -> None:
    said = parse("updateVideoTrackAssignmentsCommand", offset=offset, size=size)

    assert said == PageVideoTracks("hall", *page)


@pytest.mark.parametrize("size", [None, "", "many", 1.5, True, [], {}, 10**30])
def test_a_page_is_of_whole_numbers(size: object) -> None:
    with pytest.raises(ProtocolError):
        parse("updateVideoTrackAssignmentsCommand", offset=0, size=size)


@pytest.mark.parametrize(("count", "most"), [(4, 4), ("4", 4), (-1, -1), (-7, -1)])
def test_slots_are_limited(count: object, most: int) -> None:
    said = parse("setMaxVideoTrackCountCommand", maxTrackCount=count)

    assert said == LimitVideoTracks("hall", most)


def test_a_command_without_fields() -> None:
    assert parse("getVideoTrackAssignmentsCommand") == TellAssignments("hall")


@pytest.mark.parametrize(
    ("said", "height"),
    [(240, 240), ("240", 240), (" 0 ", 0), ("auto", 0), ("AUTO", 0), (16_384, 16_384)],
)
def test_a_quality_is_a_height(said: object, height: int) -> None:
    found = parse("forceStreamQuality", streamHeight=said, trackId="cam")

    assert found == ForceStreamQuality("hall", "cam", height)


@pytest.mark.parametrize(
    "said", [None, "", "a", "240p", 240.5, -1, 16_385, True, {}, []]
)
def test_anything_else_is_no_quality(said: object) -> None:
    with pytest.raises(ProtocolError):
        parse("forceStreamQuality", streamHeight=said)


@pytest.mark.parametrize(
    ("value", "text"), [("{}", "{}"), (None, ""), ("", ""), (7, "7"), ("n\0", "n")]
)
def test_metadata_is_a_text(value: object, text: str) -> None:
    said = parse("updateStreamMetaData", metaData=value)

    assert said == UpdateStreamMetaData("hall", text)


@pytest.mark.parametrize("value", [{}, [], True])
def test_metadata_is_no_object(value: object) -> None:
    with pytest.raises(ProtocolError):
        parse("updateStreamMetaData", metaData=value)


def test_metadata_has_a_bound() -> None:
    with pytest.raises(SignallingError):
        parse("updateStreamMetaData", metaData="x" * 16_385)


@pytest.mark.parametrize(
    ("tracks", "read"),
    [
        (None, ()),
        ("a", ()),
        ({"a": 1}, ()),
        (["a", "!b", " c "], ("a", "!b", "c")),
        (["a", "a", 5, None, "x y", "!", "!!a", {}, "\ud800"], ("a",)),
        ([f"s{n}" for n in range(600)], tuple(f"s{n}" for n in range(512))),
    ],
)
def test_a_track_list_is_read_tolerantly(tracks: object, read: tuple[str, ...]) -> None:
    assert parse("play", trackList=tracks).tracks == read


@pytest.mark.parametrize(
    ("value", "read"), [(None, None), ("true", True), (False, False), (1, None)]
)
def test_tracks_are_disabled_when_it_says_so(value: object, read: bool | None) -> None:
    assert parse("play", disableTracksByDefault=value).tracks_disabled is read
