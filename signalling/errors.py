"""Refusals, and what each of policy's reasons is called on the wire (contract 4)."""

from __future__ import annotations

from signalling.protocol import ErrorDefinition
from streams.policy import Denial


class SignallingError(Exception):
    """A refusal: answered with its definition, and the socket stays open."""

    def __init__(
        self,
        definition: ErrorDefinition,
        stream_id: str | None = None,
        **fields: object,
    ) -> None:
        super().__init__(definition.value)
        self.definition = definition
        self.stream_id = stream_id
        self.fields = fields  # wire names


class ProtocolError(Exception):
    """A frame that is ignored with a log line; its text is a constant of ours."""


class StoreUnavailable(SignallingError):
    """The database did not answer, or not in time."""

    def __init__(self, stream_id: str | None = None) -> None:
        super().__init__(ErrorDefinition.STORE_NOT_AVAILABLE, stream_id)


def no_stream(stream_id: str) -> SignallingError:
    """Of a stream that nobody publishes now; `error_code` is text (contract T44)."""
    return SignallingError(
        ErrorDefinition.NO_STREAM,
        stream_id,
        error_code="404",
        information="stream_not_exist_or_not_streaming",
    )


def refusal(denial: Denial, stream_id: str, room: str = "") -> SignallingError:
    """What is about the room names it (contract 12)."""
    if denial is Denial.NO_STREAM:
        return no_stream(stream_id)
    if denial in ABOUT_ROOMS:
        return SignallingError(DEFINITIONS[denial], stream_id, room=room)
    return SignallingError(DEFINITIONS[denial], stream_id)


ABOUT_ROOMS = (Denial.UNREGISTERED_ROOM, Denial.ROOM_NOT_ACTIVE, Denial.ROOM_FAILED)


DEFINITIONS: dict[Denial, ErrorDefinition] = {
    Denial.INVALID_STREAM_ID: ErrorDefinition.INVALID_STREAM_NAME,
    Denial.NOT_INITIALIZED: ErrorDefinition.NOT_INITIALIZED,
    Denial.STORE_UNAVAILABLE: ErrorDefinition.STORE_NOT_AVAILABLE,
    Denial.SUSPENDED: ErrorDefinition.SUSPENDED,
    Denial.RESOURCES: ErrorDefinition.HIGH_RESOURCE_USAGE,
    Denial.NO_CODEC: ErrorDefinition.NO_CODEC,
    Denial.ALREADY_PUBLISHING: ErrorDefinition.ALREADY_PUBLISHING,
    Denial.ID_IN_USE: ErrorDefinition.STREAM_ID_IN_USE,
    Denial.UNREGISTERED: ErrorDefinition.UNREGISTERED,
    Denial.NOT_ACTIVE: ErrorDefinition.NOT_ACTIVE,
    Denial.ALREADY_PLAYING: ErrorDefinition.ALREADY_PLAYING,
    Denial.NO_STREAM: ErrorDefinition.NO_STREAM,
    Denial.PUBLISHER_LIMIT: ErrorDefinition.HIGH_RESOURCE_USAGE,
    Denial.UNREGISTERED_ROOM: ErrorDefinition.UNREGISTERED,
    Denial.ROOM_NOT_ACTIVE: ErrorDefinition.ROOM_NOT_ACTIVE,
    Denial.UNAUTHORIZED: ErrorDefinition.UNAUTHORIZED,
    Denial.TOO_MANY_CONNECTIONS: ErrorDefinition.UNAUTHORIZED,
    Denial.NOT_APPROVED: ErrorDefinition.UNAUTHORIZED,
    Denial.UNASKED: ErrorDefinition.UNAUTHORIZED,
    Denial.BLOCKED: ErrorDefinition.USER_BLOCKED,
    Denial.NO_SEAT: ErrorDefinition.NO_SEAT,
    Denial.ROOM_FULL: ErrorDefinition.SUBTRACK_LIMIT,
    Denial.ROOM_FAILED: ErrorDefinition.MAIN_TRACK_FAILED,
    Denial.VIEWER_LIMIT: ErrorDefinition.VIEWER_LIMIT,
}
