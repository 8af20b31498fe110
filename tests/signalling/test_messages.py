from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay import control
from signalling.errors import ProtocolError, SignallingError
from signalling.information_messages import RegisterPushToken, SendPush
from signalling.messages import (
    GetBroadcastObject,
    GetIceServerConfig,
    GetStreamInfo,
    Ping,
    Play,
    Publish,
    Stop,
    TakeCandidate,
    TakeConfiguration,
    parse_message,
)
from signalling.protocol import WITHOUT_STREAM_ID, Command, ErrorDefinition


def parse(command: str, **fields: Any) -> Any:
    return parse_message(json.dumps({"command": command, **fields}))


def parse_legacy(command: str, **fields: Any) -> Any:
    return parse_message(json.dumps({"command": command, **fields}), legacy=True)


def refusal(command: str, **fields: Any) -> SignallingError:
    with pytest.raises(SignallingError) as caught:
        parse(command, **fields)
    return caught.value


def refusal_legacy(command: str, **fields: Any) -> SignallingError:
    with pytest.raises(SignallingError) as caught:
        parse_legacy(command, **fields)
    return caught.value


def ignored(text: str) -> str:
    with pytest.raises(ProtocolError) as caught:
        parse_message(text)
    return str(caught.value)


@pytest.mark.parametrize("text", ["", "undefined", "{", "{'a':1}", "\ud800", "\0"])
def test_it_ignores_malformed_json(text: str) -> None:
    assert ignored(text) == "malformed JSON"


@pytest.mark.parametrize(
    "text",
    [
        '{"command":"ping","x":NaN}',
        '{"command":"ping","x":-Infinity}',
        '{"command":"ping","x":' + "9" * 5000 + "}",
        "[" * 60_000,
        '{"a":' * 10_000,
    ],
)
def test_it_ignores_json_that_python_alone_would_take_or_choke_on(text: str) -> None:
    assert ignored(text) == "malformed JSON"


@pytest.mark.parametrize("text", ["null", "[]", "5", "true", '"ping"', "[[1]]"])
def test_it_ignores_what_is_no_object(text: str) -> None:
    assert ignored(text) == "not an object"


@pytest.mark.parametrize("command", [None, "", 5, True, [], {}])
def test_it_ignores_what_has_no_command(command: Any) -> None:
    assert ignored(json.dumps({"command": command, "streamId": "s"})) == "no command"
    assert ignored('{"streamId":"s"}') == "no command"


@pytest.mark.parametrize(
    "command", ["registerOriginServer", "linkSession", "PING", "ping ", "__init__"]
)
def test_it_ignores_an_unknown_command(command: str) -> None:
    text = json.dumps({"command": command, "streamId": "s"})

    assert ignored(text) == "unknown command"


@pytest.mark.parametrize("blank", [None, "", " ", "\t\n"])
@pytest.mark.parametrize("command", ["publish", "play", "stop", "join", "nonsense"])
def test_it_refuses_a_blank_stream_id(command: str, blank: Any) -> None:
    """Before it looks whether the command is known (contract 2.0)."""
    refused = refusal(command, streamId=blank)

    assert refused.definition is ErrorDefinition.NO_STREAM_NAME
    assert (refused.stream_id, refused.fields) == (None, {})


def test_it_refuses_a_missing_stream_id_even_with_a_display_name() -> None:
    refused = refusal("publish", streamName="s1")

    assert refused.definition is ErrorDefinition.NO_STREAM_NAME


@pytest.mark.parametrize(
    "stream_id",
    ["a b", " a", "a/b", "ä", "a\n", "a\0", "<b>", "a" * 129, "٣", "\ud800"],
)
@pytest.mark.parametrize("command", ["publish", "joinRoom", "nonsense"])
def test_it_refuses_an_invalid_stream_id(command: str, stream_id: str) -> None:
    refused = refusal(command, streamId=stream_id)

    assert refused.definition is ErrorDefinition.INVALID_STREAM_NAME
    assert refused.stream_id == stream_id


@pytest.mark.parametrize("stream_id", [[], ["s1"], {"a": 1}, True, 1.5e300])
def test_it_refuses_a_stream_id_of_another_type(stream_id: Any) -> None:
    refused = refusal("stop", streamId=stream_id)

    assert refused.definition is ErrorDefinition.INVALID_STREAM_NAME


def test_it_reads_a_number_as_a_stream_id() -> None:
    assert parse("stop", streamId=123) == Stop("123")


@pytest.mark.parametrize("stream_id", ["a", "a" * 128, "A-z_0.9", "..", "__proto__"])
def test_it_accepts_a_stream_id(stream_id: str) -> None:
    assert parse("stop", streamId=stream_id) == Stop(stream_id)


@pytest.mark.parametrize("command", sorted(WITHOUT_STREAM_ID))
def test_it_needs_no_stream_id_where_real_clients_send_none(command: str) -> None:
    known = {Command.PING: Ping(), Command.GET_ICE_SERVER_CONFIG: GetIceServerConfig()}
    text = json.dumps({"command": command})

    if command in known:
        assert parse_message(text) == known[Command(command)]
    elif "Room" in command:
        assert refusal(command).definition is ErrorDefinition.NO_ROOM
    else:
        assert isinstance(parse_message(text), RegisterPushToken | SendPush)


def test_a_ping_is_answered_whatever_its_stream_id_is() -> None:
    assert parse("ping", streamId="a b") == Ping()


def test_it_drops_a_frame_over_256_kib_unread() -> None:
    text = '{"command":"takeConfiguration","streamId":"s","sdp":"' + "x" * 2**18 + '"}'

    assert ignored(text) == "frame too big"


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_it_drops_a_frame_over_64_kib_unless_it_has_sdp(letter: str) -> None:
    """Counted in bytes."""
    filler = letter * (70_000 // len(letter.encode()))

    text = json.dumps(
        {"command": "publish", "streamId": "s", "x": filler}, ensure_ascii=False
    )
    assert ignored(text) == "frame too big"
    text = json.dumps(
        {"command": "takeConfiguration", "streamId": "s", "sdp": filler},
        ensure_ascii=False,
    )
    parsed = parse_message(text)
    assert isinstance(parsed, TakeConfiguration)
    assert parsed.sdp == filler


def test_a_description_of_any_text_fits_a_line_to_the_relay() -> None:
    """Escaped, a character of the widest kind takes three times its bytes."""
    frame = '{"command":"takeConfiguration","streamId":"s","sdp":"%s"}'
    sdp = "😀" * ((2**18 - len(frame)) // 4)
    parsed = parse_message(frame % sdp)
    assert isinstance(parsed, TakeConfiguration)

    line = control.encode(control.AcceptAnswer("a" * 32, parsed.sdp))

    assert len(line) < control.MAX_LINE_BYTES


def test_publish_has_every_field() -> None:
    assert parse(
        "publish",
        streamId="s1",
        token="jwt",
        subscriberId="alice",
        subscriberCode="123456",
        streamName="My ä camera",
        mainTrack="room1",
        video=True,
        audio=False,
        metaData='{"a":1}',
        role="host",
        linkSession="link",
    ) == Publish(
        stream_id="s1",
        name="My ä camera",
        video=True,
        audio=False,
        main_track="room1",
        meta_data='{"a":1}',
        role="host",
        token="jwt",
        subscriber_id="alice",
        subscriber_code="123456",
        link_session="link",
    )


@pytest.mark.parametrize("nothing", [None, "", {}, [], True])
def test_null_and_text_of_another_type_are_as_if_absent(nothing: Any) -> None:
    names = ["token", "subscriberId", "subscriberCode", "streamName", "mainTrack"]
    names += ["metaData", "role", "linkSession"]

    parsed = parse("publish", streamId="s1", **dict.fromkeys(names, nothing))

    assert parsed == parse("publish", streamId="s1")
    assert parsed.token == ""


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("false", False),
        (" FALSE ", False),
        (None, True),
        ("", True),
        ("no", True),
        (0, True),
        ([], True),
    ],
)
def test_it_reads_a_boolean_tolerantly(sent: Any, read: bool) -> None:
    """Anything that says neither is as if absent."""
    for wire in ({"video": sent}, {"enableVideo": sent}):
        assert parse("publish", streamId="s1", **wire).video is read
    for wire in ({"audio": sent}, {"enableAudio": sent}):
        assert parse("publish", streamId="s1", **wire).audio is read


def test_the_wire_name_of_a_boolean_comes_before_the_name_in_prose() -> None:
    parsed = parse("publish", streamId="s1", video=False, enableVideo=True)

    assert parsed.video is False


@pytest.mark.parametrize("field", ["metaData", "metadata"])
def test_metadata_has_two_spellings(field: str) -> None:
    assert parse("publish", streamId="s1", **{field: "x"}).meta_data == "x"


def test_play_has_every_field() -> None:
    assert parse(
        "play",
        streamId="s1",
        token="jwt",
        room="room1",
        subscriberId="bob",
        subscriberCode="123456",
        subscriberName="Bob",
        viewerInfo="a player",
        role="guest",
        userPublishId="mine",
        trackList=["a", "!b"],
    ) == Play(
        stream_id="s1",
        viewer_info="a player",
        role="guest",
        token="jwt",
        room="room1",
        subscriber_id="bob",
        subscriber_code="123456",
        subscriber_name="Bob",
        user_publish_id="mine",
        tracks=("a", "!b"),
        tracks_disabled=None,
        link_session="",
    )


def test_a_long_viewer_info_is_cut() -> None:
    assert len(parse("play", streamId="s1", viewerInfo="x" * 1000).viewer_info) == 255


@pytest.mark.parametrize(
    ("command", "field", "limit", "definition"),
    [
        ("publish", "streamName", 255, ErrorDefinition.INVALID_STREAM_NAME),
        ("publish", "mainTrack", 128, ErrorDefinition.INVALID_STREAM_NAME),
        ("publish", "role", 64, ErrorDefinition.MISSING_PARAMETER),
        ("publish", "metaData", 16_384, ErrorDefinition.MISSING_PARAMETER),
        ("publish", "token", 4096, ErrorDefinition.UNAUTHORIZED),
        ("publish", "subscriberId", 255, ErrorDefinition.UNAUTHORIZED),
        ("play", "subscriberCode", 255, ErrorDefinition.UNAUTHORIZED),
        ("play", "room", 255, ErrorDefinition.MISSING_PARAMETER),
    ],
)
def test_it_refuses_a_field_that_is_too_long(
    command: str, field: str, limit: int, definition: ErrorDefinition
) -> None:
    parse(command, streamId="s1", **{field: "x" * limit})

    refused = refusal(command, streamId="s1", **{field: "x" * (limit + 1)})

    assert (refused.definition, refused.stream_id) == (definition, "s1")
    information = f"{field} is longer than {limit} characters"
    assert refused.fields == {"information": information}


def test_it_refuses_a_main_track_that_is_no_id() -> None:
    refused = refusal("publish", streamId="s1", mainTrack="a room")

    assert refused.definition is ErrorDefinition.INVALID_STREAM_NAME


def test_text_that_a_database_cannot_hold_is_made_storable() -> None:
    parsed = parse("publish", streamId="s1", streamName="a\0b\ud800ä", role="\0r")

    assert (parsed.name, parsed.role) == ("ab?ä", "r")


@pytest.mark.parametrize(
    ("kind", "is_offer"),
    [
        ("offer", True),
        ("answer", False),
        ("pranswer", False),
        (None, False),
        (5, False),
    ],
)
def test_a_description_is_an_offer_or_else_an_answer(kind: Any, is_offer: bool) -> None:
    parsed = parse("takeConfiguration", streamId="s1", type=kind, sdp="v=0")

    assert parsed == TakeConfiguration("s1", is_offer, "v=0")


@pytest.mark.parametrize(
    ("sent", "label"),
    [
        (0, 0),
        (2, 2),
        ("1", 1),
        (" 1 ", 1),
        (None, None),
        ("", None),
        ("video", None),
        (-1, None),
        (1.5, None),
        (True, None),
        ("³", None),
        (10**9, None),
        (99_999, 65_535),
    ],
)
def test_a_label_is_a_number_or_its_text_or_missing(
    sent: Any, label: int | None
) -> None:
    parsed = parse("takeCandidate", streamId="s1", label=sent, candidate="")

    assert parsed == TakeCandidate("s1", label, "0", "")


def test_a_candidate_keeps_its_mid() -> None:
    parsed = parse("takeCandidate", streamId="s1", id="audio", candidate="candidate:1")

    assert parsed == TakeCandidate("s1", None, "audio", "candidate:1")


def test_a_candidate_that_is_too_long_is_ignored() -> None:
    fields = {"command": "takeCandidate", "streamId": "s1", "candidate": "x" * 4097}

    assert ignored(json.dumps(fields)) == "candidate too long"


def test_questions_carry_the_id_alone() -> None:
    assert parse("getStreamInfo", streamId="s1", a=1) == GetStreamInfo("s1")
    assert parse("getBroadcastObject", streamId="s1") == GetBroadcastObject("s1")


def test_the_2017_dialect_has_its_id_in_stream_name() -> None:
    parsed = parse_legacy("publish", streamName="s1")

    assert (parsed.stream_id, parsed.name) == ("s1", "")
    refused = refusal_legacy("publish", streamName="a b")
    assert refused.definition is ErrorDefinition.INVALID_STREAM_NAME


def test_a_current_client_on_the_2017_path_keeps_its_id_and_name() -> None:
    parsed = parse_legacy("publish", streamId="s1", streamName="My camera")

    assert (parsed.stream_id, parsed.name) == ("s1", "My camera")


def test_the_2017_dialect_stops_without_an_id_and_nothing_else_does() -> None:
    assert parse_legacy("stop") == Stop("")
    assert parse_legacy("stop", streamName="s1") == Stop("s1")
    for command in ("publish", "play", "takeCandidate", "join"):
        refused = refusal_legacy(command)
        assert refused.definition is ErrorDefinition.NO_STREAM_NAME


# Any text and any JSON: a message, its refusal, or silence, and nothing else.

FIELDS = [
    *("streamId", "streamName", "token", "video", "audio", "enableVideo", "metaData"),
    *("metadata", "mainTrack", "label", "id", "candidate", "type", "sdp", "role"),
    *("subscriberId", "viewerInfo", "room", "linkSession"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["s1", "true", "offer", "0", "x" * 300, "x" * 5000]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)


ANY_SPEED = settings(deadline=None)


def survives(text: str, *, legacy: bool) -> None:
    refused: SignallingError | None = None
    try:
        parse_message(text, legacy=legacy)
    except ProtocolError:
        return
    except SignallingError as error:
        refused = error
    if refused is not None:
        frame = json.dumps(refused.stream_id, allow_nan=False)
        assert frame == "null" or frame.isascii()
        assert isinstance(refused.definition, ErrorDefinition)


@ANY_SPEED
@given(st.text(st.characters()), st.booleans())
def test_any_text_is_read_or_refused(text: str, legacy: bool) -> None:
    survives(text, legacy=legacy)


@ANY_SPEED
@given(VALUES, st.booleans())
def test_any_json_is_read_or_refused(value: Any, legacy: bool) -> None:
    survives(json.dumps(value), legacy=legacy)


@ANY_SPEED
@given(
    st.sampled_from([*Command, "nonsense"]),
    st.dictionaries(st.sampled_from(FIELDS), VALUES),
    st.booleans(),
    st.booleans(),
)
def test_any_fields_of_any_command_are_read_or_refused(
    command: str, fields: dict[str, Any], with_id: bool, legacy: bool
) -> None:
    body = {**fields, "command": command}
    if with_id:
        body["streamId"] = "s1"
    survives(json.dumps(body), legacy=legacy)


@ANY_SPEED
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_what_is_read_can_be_stored(fields: dict[str, Any]) -> None:
    try:
        parsed = parse("publish", **{**fields, "streamId": "s1"})
    except SignallingError:
        return
    for name in ("name", "main_track", "meta_data", "role", "token", "subscriber_id"):
        text = getattr(parsed, name)
        assert "\0" not in text
        text.encode()
