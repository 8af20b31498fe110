"""Refusals are noted as they happen, and written later, many at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from streams.clock import now_ms
from streams.policy import AccessDenied, Denial
from streams.refusal_counts import refusal_counts
from streams.refusals import refusals
from streams.services.records import (
    PeerRequest,
    PlayRequest,
    PublishRequest,
    SocketInfo,
)

P = ParamSpec("P")
R = TypeVar("R")
Request = TypeVar("Request", PublishRequest, PlayRequest, PeerRequest)

# Faults of the server or of the client's spelling, and the wait for a stream that
# is not live yet, which every viewer repeats for as long as it lasts.
NOT_NOTED = frozenset(
    {
        Denial.STORE_UNAVAILABLE,
        Denial.NOT_INITIALIZED,
        Denial.INVALID_STREAM_ID,
        Denial.NO_STREAM,
    }
)


def notes_refusals(
    role: str,
) -> Callable[
    [Callable[Concatenate[Request, SocketInfo, P], R]],
    Callable[Concatenate[Request, SocketInfo, P], R],
]:
    """What the service refuses is in the log of refusals."""

    def decorate(
        service: Callable[Concatenate[Request, SocketInfo, P], R],
    ) -> Callable[Concatenate[Request, SocketInfo, P], R]:
        @wraps(service)
        def noting(
            request: Request, socket: SocketInfo, /, *args: P.args, **kwargs: P.kwargs
        ) -> R:
            try:
                return service(request, socket, *args, **kwargs)
            except AccessDenied as denied:
                if denied.reason is not Denial.UNASKED:
                    refusal_counts.add(request.application, role, denied.reason)
                if denied.reason not in NOT_NOTED:
                    refusals.note(
                        application=request.application,
                        stream_id=request.stream_id,
                        role=role,
                        reason=denied.reason,
                        subscriber_id=request.subscriber_id,
                        remote_ip=socket.remote_ip,
                        now_ms=now_ms(),
                    )
                raise

        return noting

    return decorate
