"""Questions about streams, rooms and subscribers, push commands; their parsers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from signalling.fields import Fields, scalar, storable
from signalling.protocol import Command
from streams.names import MAX_REGISTRATION_CHARS
from streams.paging import read_page

MAX_ID_CHARS = 255
MAX_JWT_CHARS = 4096
MAX_STATUS_CHARS = 32
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class GetTrackList:
    """`token` and the subscriber's fields are looked at as those of a play."""

    stream_id: str
    token: str
    subscriber_id: str
    subscriber_code: str


@dataclass(frozen=True, slots=True)
class GetSubtracks:
    """Of a main track; "" filters and orders nothing."""

    stream_id: str
    page: slice
    role: str
    status: str
    search: str
    sort_by: str  # name, date or status
    descending: bool


@dataclass(frozen=True, slots=True)
class GetSubtracksCount:
    stream_id: str
    role: str
    status: str


@dataclass(frozen=True, slots=True)
class GetSubscribers:
    stream_id: str
    page: slice


@dataclass(frozen=True, slots=True)
class GetSubscriberCount:
    stream_id: str


@dataclass(frozen=True, slots=True)
class GetDebugInfo:
    stream_id: str


@dataclass(frozen=True, slots=True)
class RegisterPushToken:
    """A text that is missing or too long is ""; so with SendPush."""

    subscriber_id: str
    token: str  # a JWT
    registration_token: str
    type: str  # in lower case


@dataclass(frozen=True, slots=True)
class SendPush:
    subscriber_id: str
    token: str  # a JWT
    content: str  # a JSON object as ASCII text; "" for anything else
    subscriber_ids: tuple[str, ...]  # each once; "" for one that is none
    topic: str


InformationMessage = (
    GetTrackList
    | GetSubtracks
    | GetSubtracksCount
    | GetSubscribers
    | GetSubscriberCount
    | GetDebugInfo
    | RegisterPushToken
    | SendPush
)


def _track_list(stream_id: str, fields: Fields) -> GetTrackList:
    return GetTrackList(
        stream_id=stream_id,
        token=fields.token(),
        subscriber_id=fields.credential("subscriberId"),
        subscriber_code=fields.credential("subscriberCode"),
    )


def _subtracks(stream_id: str, fields: Fields) -> GetSubtracks:
    return GetSubtracks(
        stream_id=stream_id,
        page=_page(fields),
        role=fields.role(),
        status=fields.text("status", limit=MAX_STATUS_CHARS),
        search=fields.text("search"),
        sort_by=fields.text("sortBy"),
        descending=fields.text("orderBy").strip().lower() == "desc",
    )


def _subtracks_count(stream_id: str, fields: Fields) -> GetSubtracksCount:
    status = fields.text("status", limit=MAX_STATUS_CHARS)
    return GetSubtracksCount(stream_id, fields.role(), status)


def _register_push_token(_: str, fields: Fields) -> RegisterPushToken:
    return RegisterPushToken(
        subscriber_id=_short(fields, "subscriberId", MAX_ID_CHARS),
        token=_short(fields, "token", MAX_JWT_CHARS),
        registration_token=_short(
            fields, "pnsRegistrationToken", MAX_REGISTRATION_CHARS
        ),
        type=_short(fields, "pnsType", MAX_ID_CHARS).strip().lower(),
    )


def _send_push(_: str, fields: Fields) -> SendPush:
    """The SDK says `topic`, the reference server `pushNotificationTopic` (T25)."""
    topic = _short(fields, "topic", MAX_ID_CHARS)
    return SendPush(
        subscriber_id=_short(fields, "subscriberId", MAX_ID_CHARS),
        token=_short(fields, "token", MAX_JWT_CHARS),
        content=_content(fields.values.get("pushNotificationContent")),
        subscriber_ids=_ids(fields.values.get("subscriberIdsToNotify")),
        topic=topic or _short(fields, "pushNotificationTopic", MAX_ID_CHARS),
    )


def _page(fields: Fields) -> slice:
    """At most 250 rows, 50 where nothing sensible is asked for (contract 12)."""
    return read_page(
        _whole(fields.values.get("offset")), _whole(fields.values.get("size"))
    )


def _whole(value: object) -> int:
    """A number or a numeric string, without its fraction; 0 for anything else."""
    match value:
        case bool():
            return 0
        case int():
            return value
        case float():
            return int(value) if math.isfinite(value) else 0
        case str() if _WHOLE.fullmatch(value.strip()):
            return int(value)
    return 0


def _short(fields: Fields, name: str, limit: int) -> str:
    """Push commands answer in their own way (contract 3.2): nothing is raised here."""
    text = storable(scalar(fields.values.get(name)))
    return text if len(text) <= limit else ""


def _content(value: object) -> str:
    """An object, as such or as the text of one."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
        if not isinstance(found, dict):
            return ""
        return json.dumps(found, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):  # no JSON, infinite numbers, or too deep
        return ""


def _ids(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    texts = (storable(scalar(item)) for item in value)
    return tuple(
        dict.fromkeys(text if len(text) <= MAX_ID_CHARS else "" for text in texts)
    )


PARSERS: dict[str, Callable[[str, Fields], Any]] = {
    Command.GET_TRACK_LIST: _track_list,
    Command.GET_SUBTRACKS: _subtracks,
    Command.GET_SUBTRACKS_COUNT: _subtracks_count,
    Command.GET_SUBSCRIBERS: lambda stream_id, fields: GetSubscribers(
        stream_id, _page(fields)
    ),
    Command.GET_SUBSCRIBER_COUNT: lambda stream_id, _: GetSubscriberCount(stream_id),
    Command.GET_DEBUG_INFO: lambda stream_id, _: GetDebugInfo(stream_id),
    Command.REGISTER_PUSH_NOTIFICATION_TOKEN: _register_push_token,
    Command.SEND_PUSH_NOTIFICATION: _send_push,
}
