"""Result, the answer to a command (contract 7.2).

Most refusals are a Result with `success: false` and status 200, as Ant Media's are;
what HTTP itself refuses has its own status and the same body.
"""

from __future__ import annotations

from typing import Any, TypedDict

from rest_framework import serializers, status
from rest_framework.response import Response

NO_ERROR_ID = -1  # Ant Media's default


class Result(TypedDict):
    success: bool
    message: str | None
    dataId: str | None
    errorId: int


class ResultSerializer(serializers.Serializer[Any]):
    """How a command went."""

    success = serializers.BooleanField()
    message = serializers.CharField(
        allow_null=True, help_text="Why not, or what else there is to say."
    )
    dataId = serializers.CharField(
        allow_null=True, help_text="What was made or asked for."
    )
    errorId = serializers.IntegerField(
        help_text="-1, or the HTTP status where that is not 200."
    )


def ok(message: str = "", data_id: str = "") -> Response:
    return Response(
        Result(
            success=True,
            message=message or None,
            dataId=data_id or None,
            errorId=NO_ERROR_ID,
        )
    )


def failure(message: str, status: int = status.HTTP_200_OK) -> Response:
    """A refusal that says why."""
    return Response(failed(message, status), status=status)


def failed(message: str, status: int) -> Result:
    return Result(
        success=False,
        message=message,
        dataId=None,
        errorId=NO_ERROR_ID if status == 200 else status,
    )
