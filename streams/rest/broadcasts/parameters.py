"""Parameters as the OpenAPI document describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from streams.rest.results import ResultSerializer

PATH: Final[Literal["path"]] = "path"

# What comes after `broadcasts/`, or a room, and is not an id there (urls.py).
FIXED_PATHS = [
    "active-live-stream-count",
    "conference-rooms",
    "count",
    "create",
    "total-broadcast-statistics",
    "validate-token",
    "webrtc-receive-low-level-stats",
    "webrtc-send-low-level-stats",
]
FIXED_ROOM_PATHS = ["room-info"]


def _id(name: str, description: str, fixed: Sequence[str] = ()) -> OpenApiParameter:
    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    if fixed:
        schema["not"] = {"enum": list(fixed)}
    return OpenApiParameter(name, schema, PATH, description=description)


STREAM_ID = _id("stream_id", "The stream's id.")
SHORT_STREAM_ID = _id(
    "stream_id",
    "The stream's id, unless a fixed path is called like it: such a stream has its "
    "longer paths only.",
    FIXED_PATHS,
)
ROOM_STREAM_ID = _id("stream_id", "The stream's id.", FIXED_ROOM_PATHS)
ROOM_ID = _id("room_id", "The room's id.")
PAGE = [
    OpenApiParameter(
        "offset", OpenApiTypes.INT, PATH, description="Rows to leave out."
    ),
    OpenApiParameter(
        "size",
        OpenApiTypes.INT,
        PATH,
        description="Rows at most: up to 250; 0 is the usual 50.",
    ),
]

# Of a change to a stream that a fixed path is called like.
RESULT_OR_TAKEN = {
    200: ResultSerializer,
    405: OpenApiResponse(ResultSerializer, "This path is not that stream's."),
}


def query(
    name: str, description: str, kind: Any = str, *, required: bool = False
) -> OpenApiParameter:
    return OpenApiParameter(
        name, kind, OpenApiParameter.QUERY, description=description, required=required
    )


ROLE = query("role", "Of this role alone.")
SUBTRACK = query("id", "The subtrack's stream id.", required=True)
