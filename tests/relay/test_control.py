"""The vocabulary: every message survives its journey, nothing else is accepted."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay import control

REPORT = control.StreamReport(
    stream="LiveApp/one",
    session="a" * 32,
    video_codec="VP8",
    audio_codec="opus",
    width=1280,
    height=720,
    video_bitrate=1_500_000,
    audio_bitrate=40_000,
    received_bytes=1,
    packets_lost=2,
    jitter_ms=3,
    rtt_ms=4,
    viewers=5,
    key_frame_requests=6,
    dropped_sends=7,
)
RENDITION = control.RenditionReport(640, 360, 500_000, 40_000, "VP8")
VIEWER = control.ViewerReport("s", "c", *range(17))
MESSAGES: list[control.Command | control.Event] = [
    control.AcceptOffer("s", "c", "A/x", "v=0\r\n", ("VP8", "H264"), 5000, 10000, 9),
    control.AcceptOffer(
        *("s", "c", "A/x", "v=0\r\n", ("VP8",), 5000, 10000),
        encoder_settings=(control.EncoderSetting(360, 500_000),),
    ),
    control.CreateOffer("s", "c", "A/x", 5000),
    control.CreateOffer(
        "s",
        "c",
        "A/x",
        5000,
        send_video=False,
        distribution=control.Distribution.PUBLISHER,
    ),
    control.CreateRoomOffer("s", "c", "A/r", 5000, ("default",), ("x",), ("!y", "z")),
    control.SetTracks("s", "y", video=False),
    control.ForceQuality("s", "", 360),
    control.AssignVideoTrack("s", "videoTrack0", "y", True),
    control.PageVideoTracks("s", 4, 2),
    control.LimitVideoTracks("s", -1),
    control.TellAssignments("s"),
    control.SetRoom("A/x", "A/r", "speaker"),
    control.SendData("A/r", "{}"),
    control.TracksChanged("s", "c", ("x",), ()),
    control.RenditionChanged("s", "c", "x", 360),
    control.EncoderFailed("s", "c", control.EncoderProblem.BLOCKED, (360, 240)),
    control.AcceptAnswer("s", "v=0 é\u2028"),
    control.CloseSession("s", park=True),
    control.EndStream("A/x"),
    control.Answered("s", "c", "v=0", ("candidate:1 …", "candidate:2 …")),
    control.Offered("s", "c", "v=0", (), {"0": "ARDAMSax"}),
    control.Started("s", "c"),
    control.Silence("s", "c", True),
    control.Failed("s", "c", control.Failure.NO_STREAM),
    control.Closed("s", "c", control.CloseReason.LOST),
    control.StreamEnded("A/x", "s"),
    control.Report("relay-1", (REPORT,), 3),
    control.Report(
        "relay-1",
        (replace(REPORT, renditions=(RENDITION,), video=control.KindReport(1)),),
        3,
    ),
    control.ViewersMeasured("relay-1", (VIEWER,)),
    control.Report("relay-1", (), 0),
    control.Ready("relay-1", 4711, 50000),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = sorted({type(message).__name__ for message in MESSAGES})
FIELD_NAMES = sorted({f.name for message in MESSAGES for f in fields(message)})


def decode_or_refuse(line: bytes) -> None:
    with suppress(ValueError):
        control.decode(line)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_survives_its_journey(message: control.Command) -> None:
    line = control.encode(message)
    assert control.decode(line) == message
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


def test_every_message_is_tried_here() -> None:
    assert set(KINDS) == set(control._TYPES)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_raise_nothing_but_value_error(line: bytes) -> None:
    decode_or_refuse(line)


@given(JSON)
def test_arbitrary_json_raises_nothing_but_value_error(body: object) -> None:
    decode_or_refuse(json.dumps(body).encode())


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELD_NAMES), JSON, max_size=10),
)
def test_arbitrary_fields_raise_nothing_but_value_error(kind: str, body: dict) -> None:
    decode_or_refuse(json.dumps({"kind": kind, **body}).encode())


@given(st.sampled_from(MESSAGES), st.data())
def test_a_damaged_message_raises_nothing_but_value_error(
    message: control.Command, data: st.DataObject
) -> None:
    body = json.loads(control.encode(message))
    body[data.draw(st.sampled_from(sorted(body)))] = data.draw(JSON)
    decode_or_refuse(json.dumps(body).encode())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"kind":"Nonsense"}',
        b'{"kind":["Ready"]}',
        b'{"kind":"Started","session":"s"}',
        b'{"kind":"Started","session":"s","reply_to":"c","more":1}',
        b'{"kind":"Failed","session":"s","reply_to":"c","failure":"odd"}',
        b'{"kind":"Report","relay":"r","peers":0,"streams":[{"stream":"x"}]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_it_rejects_what_is_no_message(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        control.decode(line)


def test_the_longest_description_fits_a_line() -> None:
    sdp = "\x01" * (256 * 1024)
    line = control.encode(control.AcceptAnswer("0" * 32, sdp))
    assert len(line) < control.MAX_LINE_BYTES
