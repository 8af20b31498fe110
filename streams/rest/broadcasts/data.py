"""Text for the data channels of a stream or a room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from streams.rest.base import ApplicationView
from streams.rest.broadcasts import examples
from streams.rest.broadcasts.parameters import STREAM_ID
from streams.rest.broadcasts.streams import NOT_FOUND
from streams.rest.parsers import BodyTooLarge
from streams.rest.results import ResultSerializer, failure, ok
from streams.services import catalogue
from streams.services.data import DataRefusal, send_data

MAX_DATA_BYTES = 65_536  # what every browser takes as one message
NOT_TEXT = "Send text in UTF-8"


class TextParser(BaseParser):
    """Any body as it is, up to 64 KiB, whatever type it says it is."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body: bytes = stream.read(MAX_DATA_BYTES + 1)
        if len(body) > MAX_DATA_BYTES:
            raise BodyTooLarge(f"Send at most {MAX_DATA_BYTES} bytes")
        return body


class DataView(ApplicationView):
    parser_classes = [TextParser]

    @extend_schema(
        operation_id="sendData",
        summary="Send text to the data channels of a stream or room",
        tags=["broadcasts"],
        parameters=[STREAM_ID],
        request={"text/plain": OpenApiTypes.STR},
        responses=ResultSerializer,
        examples=[
            examples.done(),
            examples.refusal(DataRefusal.NOT_LIVE.value),
            examples.refusal(DataRefusal.TURNED_OFF.value, name="Turned off"),
            examples.refusal(NOT_FOUND, name="Unknown"),
        ],
    )
    def post(self, request: Request, application: str, stream_id: str) -> Response:
        body: object = request.data
        try:
            # DRF gives a body without any bytes as an empty form.
            text = body.decode() if isinstance(body, bytes) else ""
        except UnicodeDecodeError:
            return failure(NOT_TEXT)
        refusal = send_data(self.application, stream_id, text)
        if refusal is DataRefusal.NOT_LIVE and not self._is_known(stream_id):
            return failure(NOT_FOUND)
        return ok() if refusal is None else failure(refusal.value)

    def _is_known(self, stream_id: str) -> bool:
        return catalogue.known(self.application.pk, stream_id).exists()
