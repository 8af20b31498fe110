"""What Ant Media's clients may ask for and is not done here: said so each time."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from streams.rest.base import ApplicationView
from streams.rest.broadcasts import examples
from streams.rest.broadcasts.parameters import PATH, STREAM_ID, query
from streams.rest.broadcasts.streams import NOT_FOUND
from streams.rest.results import ResultSerializer, failure
from streams.services import catalogue

TAGS = ["not supported"]
PULL_ONLY = "Only pulled sources can be started, and there are none here"
NOT_SUPPORTED = "This is not supported here"


class _RefusingView(ApplicationView):
    def refuse(self, stream_id: str, why: str) -> Response:
        """An unknown stream is the plainer reason."""
        known = catalogue.known(self.application.pk, stream_id).exists()
        return failure(why if known else NOT_FOUND)


class StartView(_RefusingView):
    @extend_schema(
        operation_id="startBroadcast",
        summary="Start a pulled source (refused)",
        tags=TAGS,
        parameters=[STREAM_ID],
        request=None,
        responses=ResultSerializer,
        examples=[examples.refusal(PULL_ONLY)],
    )
    def post(self, request: Request, application: str, stream_id: str) -> Response:
        return self.refuse(stream_id, PULL_ONLY)


class RecordingView(_RefusingView):
    @extend_schema(
        operation_id="recordBroadcast",
        summary="Record a stream (refused)",
        tags=TAGS,
        parameters=[
            STREAM_ID,
            OpenApiParameter("enabled", str, PATH, description="true or false."),
            query("recordType", "mp4 or webm."),
            query("resolutionHeight", "Of the recording."),
            query("fileName", "Of the recording."),
        ],
        request=None,
        responses=ResultSerializer,
        examples=[examples.refusal(NOT_SUPPORTED)],
    )
    def put(
        self, request: Request, application: str, stream_id: str, enabled: str
    ) -> Response:
        return self.refuse(stream_id, NOT_SUPPORTED)


class EndpointView(_RefusingView):
    @extend_schema(
        operation_id="addEndpoint",
        summary="Send a stream on by RTMP (refused)",
        tags=TAGS,
        parameters=[STREAM_ID],
        request=None,
        responses=ResultSerializer,
        examples=[examples.refusal(NOT_SUPPORTED)],
    )
    def post(self, request: Request, application: str, stream_id: str) -> Response:
        return self.refuse(stream_id, NOT_SUPPORTED)

    @extend_schema(
        operation_id="removeEndpoint",
        summary="Send a stream on by RTMP no more (refused)",
        tags=TAGS,
        parameters=[STREAM_ID],
        request=None,
        responses=ResultSerializer,
        examples=[examples.refusal(NOT_SUPPORTED)],
    )
    def delete(self, request: Request, application: str, stream_id: str) -> Response:
        return self.refuse(stream_id, NOT_SUPPORTED)
