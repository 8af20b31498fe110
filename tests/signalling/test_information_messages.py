from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.errors import ProtocolError, SignallingError
from signalling.information_messages import (
    GetDebugInfo,
    GetSubscriberCount,
    GetSubscribers,
    GetSubtracks,
    GetSubtracksCount,
    GetTrackList,
    RegisterPushToken,
    SendPush,
)
from signalling.messages import parse_message
from signalling.protocol import ErrorDefinition

PUSH = {
    "subscriberId": "anna",
    "token": "a.b.c",
    "pushNotificationContent": {"title": "Call"},
    "subscriberIdsToNotify": ["bert"],
}


def parse(command: str, **fields: Any) -> Any:
    return parse_message(json.dumps({"command": command, **fields}))


def test_it_reads_a_question_for_tracks_as_the_sdk_sends_it() -> None:
    assert parse("getTrackList", streamId="s", token="t") == GetTrackList(
        "s", "t", "", ""
    )
    # JSON.stringify leaves out what is undefined.
    assert parse("getTrackList", streamId="s") == GetTrackList("s", "", "", "")


def test_it_reads_what_lets_in_by_a_code() -> None:
    message = parse(
        "getTrackList", streamId="s", subscriberId="anna", subscriberCode=123456
    )

    assert message == GetTrackList("s", "", "anna", "123456")


def test_it_reads_subtracks_as_the_sdk_sends_them() -> None:
    message = parse("getSubtracks", streamId="r", role="speaker", offset=20, size=10)

    assert message == GetSubtracks(
        stream_id="r",
        page=slice(20, 30),
        role="speaker",
        status="",
        search="",
        sort_by="",
        descending=False,
    )


def test_it_reads_the_fields_that_only_the_server_knows() -> None:
    message = parse(
        "getSubtracks",
        streamId="r",
        status="broadcasting",
        search="ann",
        sortBy="name",
        orderBy="DESC",
    )

    assert (message.status, message.search) == ("broadcasting", "ann")
    assert (message.sort_by, message.descending) == ("name", True)


def test_it_reads_the_other_questions() -> None:
    assert parse("getSubtracksCount", streamId="r", role=None, status=None) == (
        GetSubtracksCount("r", "", "")
    )
    assert parse("getSubscribers", streamId="s", offset=0, size=5) == (
        GetSubscribers("s", slice(0, 5))
    )
    assert parse("getSubscriberCount", streamId="s") == GetSubscriberCount("s")
    assert parse("getDebugInfo", streamId="s") == GetDebugInfo("s")


@pytest.mark.parametrize(
    ("offset", "size", "page"),
    [
        (None, None, slice(0, 50)),
        (0, 0, slice(0, 50)),
        (-5, -5, slice(0, 50)),
        ("10", "20", slice(10, 30)),
        (" 10 ", "+5", slice(10, 60)),
        (1.9, 2.9, slice(1, 3)),
        (0, 251, slice(0, 250)),
        (0, 10**18, slice(0, 250)),
        (10**30, 1, slice(2**31 - 1, 2**31)),
        (1e300, 1e300, slice(2**31 - 1, 2**31 + 249)),
        ("9" * 4000, "9" * 4000, slice(0, 50)),
        ("٣", "1_0", slice(0, 50)),
        (True, False, slice(0, 50)),
        ([1], {"a": 1}, slice(0, 50)),
    ],
)
def test_it_reads_pages_within_their_bounds(offset: Any, size: Any, page: Any) -> None:
    message = parse("getSubscribers", streamId="s", offset=offset, size=size)

    assert message.page == page


def test_an_infinite_number_is_none() -> None:
    text = '{"command":"getSubscribers","streamId":"s","offset":1e999,"size":-1e999}'

    assert parse_message(text) == GetSubscribers("s", slice(0, 50))


@given(
    st.dictionaries(
        st.sampled_from(["offset", "size", "role", "status", "sortBy", "search"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            st.lists,
            max_leaves=3,
        ),
    )
)
def test_no_value_gets_beyond_a_page(fields: dict[str, Any]) -> None:
    try:
        message = parse("getSubtracks", streamId="r", **fields)
    except (SignallingError, ProtocolError):
        return
    assert 0 <= message.page.start <= 2**31 - 1
    assert 1 <= message.page.stop - message.page.start <= 250


@pytest.mark.parametrize("name", ["status", "search", "sortBy", "orderBy", "role"])
def test_it_refuses_a_filter_that_is_too_long(name: str) -> None:
    with pytest.raises(SignallingError) as caught:
        parse("getSubtracks", streamId="r", **{name: "x" * 256})

    assert caught.value.definition is ErrorDefinition.MISSING_PARAMETER
    assert caught.value.stream_id == "r"


def test_it_refuses_a_token_that_is_too_long() -> None:
    with pytest.raises(SignallingError) as caught:
        parse("getTrackList", streamId="s", token="x" * 5000)

    assert caught.value.definition is ErrorDefinition.UNAUTHORIZED


@pytest.mark.parametrize(
    "command",
    [
        "getTrackList",
        "getSubtracks",
        "getSubtracksCount",
        "getSubscribers",
        "getSubscriberCount",
        "getDebugInfo",
    ],
)
def test_questions_are_about_a_stream(command: str) -> None:
    with pytest.raises(SignallingError) as caught:
        parse(command, offset=0, size=10)

    assert caught.value.definition is ErrorDefinition.NO_STREAM_NAME


def test_it_reads_a_device_without_a_stream() -> None:
    message = parse(
        "registerPushNotificationToken",
        subscriberId="anna",
        token="a.b.c",
        pnsRegistrationToken="device",
        pnsType="FCM",
    )

    assert message == RegisterPushToken("anna", "a.b.c", "device", "fcm")


def test_it_reads_a_push_to_subscribers() -> None:
    message = parse("sendPushNotification", **PUSH)

    assert message == SendPush("anna", "a.b.c", '{"title":"Call"}', ("bert",), "")


@pytest.mark.parametrize("name", ["topic", "pushNotificationTopic"])
def test_it_reads_a_topic_by_both_names(name: str) -> None:
    message = parse("sendPushNotification", **{**PUSH, name: "news"})

    assert message.topic == "news"


@pytest.mark.parametrize(
    "content", [None, "", "text", "[1]", [1], 5, True, "{", '{"a":NaN}', "[" * 9000]
)
def test_content_that_is_no_object_is_none(content: Any) -> None:
    message = parse(
        "sendPushNotification", **{**PUSH, "pushNotificationContent": content}
    )

    assert message.content == ""


def test_content_with_an_infinite_number_is_none() -> None:
    text = json.dumps({"command": "sendPushNotification", **PUSH})

    message = parse_message(text.replace('"Call"', "1e999"))

    assert isinstance(message, SendPush)
    assert message.content == ""


def test_content_may_be_the_text_of_an_object() -> None:
    message = parse(
        "sendPushNotification", **{**PUSH, "pushNotificationContent": ' {"a": "ä"} '}
    )

    assert message.content == '{"a":"\\u00e4"}'


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        (None, ()),
        ("bert", ()),
        ({"bert": 1}, ()),
        (["bert", "carl", "bert"], ("bert", "carl")),
        (["bert", 7], ("bert", "7")),
        (["bert", None, ["x"]], ("bert", "")),
        (["x" * 256], ("",)),
    ],
)
def test_it_reads_whom_to_notify(ids: Any, read: tuple[str, ...]) -> None:
    message = parse("sendPushNotification", **{**PUSH, "subscriberIdsToNotify": ids})

    assert message.subscriber_ids == read


@pytest.mark.parametrize(
    ("name", "field", "limit"),
    [
        ("subscriberId", "subscriber_id", 255),
        ("token", "token", 4096),
        ("pnsRegistrationToken", "registration_token", 1024),
    ],
)
def test_a_text_of_a_push_command_that_is_too_long_is_none(
    name: str, field: str, limit: int
) -> None:
    """What is wrong is said by the handler, in these commands' own way."""
    longest = parse("registerPushNotificationToken", **{name: "x" * limit})
    longer = parse("registerPushNotificationToken", **{name: "x" * (limit + 1)})

    assert getattr(longest, field) == "x" * limit
    assert getattr(longer, field) == ""
