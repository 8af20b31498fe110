"""Whatever goes wrong is answered by a Result with its HTTP status."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError, InterfaceError, OperationalError
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from streams.policy import AccessDenied, Denial
from streams.rest.results import failed, failure

logger = logging.getLogger(__name__)

RETRY_AFTER_S = "5"
_NAMELESS = ("detail", "non_field_errors")  # DRF's, for what is about no field


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None for a fault of ours, which Django reports."""
    if is_store_away(error):
        logger.warning("The database is away: %s", error)
        response = refusal("Try again later", status.HTTP_503_SERVICE_UNAVAILABLE)
        response["Retry-After"] = RETRY_AFTER_S
        return response
    if isinstance(error, ModelValidationError):
        return refusal(" ".join(error.messages), status.HTTP_400_BAD_REQUEST)
    if isinstance(error, DataError):
        return refusal("A value does not fit", status.HTTP_400_BAD_REQUEST)
    answer = exception_handler(error, context)
    if answer is not None:
        answer.data = failed(" ".join(_texts(answer.data)), answer.status_code)
    return answer


def refusal(message: str, code: int) -> Response:
    """A failure that leaves nothing of an enclosing transaction."""
    set_rollback()
    return failure(message, code)


def is_store_away(error: Exception) -> bool:
    """The database is down or locked: a normal answer, which passes."""
    if isinstance(error, AccessDenied):
        return error.reason is Denial.STORE_UNAVAILABLE
    return isinstance(error, OperationalError | InterfaceError)


def message_of(error: APIException) -> str:
    return " ".join(_texts(error.detail))


def _texts(detail: Any, name: str = "") -> list[str]:
    """DRF's nested errors, each with the name of what it is about."""
    if isinstance(detail, dict):
        return [
            text
            for key, value in detail.items()
            for text in _texts(value, "" if key in _NAMELESS else str(key))
        ]
    if isinstance(detail, list):
        return [text for value in detail for text in _texts(value, name)]
    return [f"{name}: {detail}" if name else str(detail)]
