"""Bodies: JSON of a bounded length, whatever it says it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request


class BodyTooLarge(APIException):
    status_code = 413
    default_detail = "The body is too long"
    default_code = "body_too_large"


class JsonParser(BaseParser):
    """Any `application/json`.

    DRF's own reads bodies of any length, and lets deep nesting end in an error of
    ours rather than the caller's.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(read_body(stream), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not JSON") from error


def read_body(stream: IO[Any]) -> bytes:
    """All of it.

    Raises:
        BodyTooLarge: over settings.DATA_UPLOAD_MAX_MEMORY_SIZE.
    """
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise BodyTooLarge
    return body


def measure_body(request: Request) -> None:
    """A body sent in chunks has a length: DRF takes one without for none at all.

    Raises:
        BodyTooLarge: as `read_body`.
    """
    meta: dict[str, str] = request.META
    inner: Any = request._request
    if meta.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" not in meta:
        return
    inner._body = read_body(inner)  # what .body gives
    meta["CONTENT_LENGTH"] = str(len(inner.body))


def read_object(request: Request) -> dict[str, Any]:
    """The body, which is one JSON object; none at all is an empty one.

    Raises:
        ParseError: it is something else.
    """
    data = request.data
    if not isinstance(data, dict):
        raise ParseError("The body must be a JSON object")
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
