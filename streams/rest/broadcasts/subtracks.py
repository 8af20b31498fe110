"""Subtracks of a main track: who is in a room."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from streams.rest.base import ApplicationView
from streams.rest.broadcasts import examples
from streams.rest.broadcasts.parameters import PAGE, ROLE, STREAM_ID, SUBTRACK
from streams.rest.broadcasts.serializers import BroadcastSerializer, NumberSerializer
from streams.rest.paging import read_page
from streams.rest.results import ResultSerializer, failure, ok
from streams.services import rooms

TAGS = ["subtracks"]
NOT_FOUND = "Main track not found"

Get = Callable[..., Response]


class SubtrackView(ApplicationView):
    @extend_schema(
        operation_id="addSubtrack",
        summary="Put a stream into a room",
        tags=TAGS,
        parameters=[STREAM_ID, SUBTRACK],
        request=None,
        responses=ResultSerializer,
        examples=[
            examples.done(),
            examples.refusal("The limit of subtracks is reached"),
        ],
    )
    def post(self, request: Request, application: str, stream_id: str) -> Response:
        subtrack = request.query_params.get("id", "")
        return enter(self.application.pk, stream_id, subtrack)

    @extend_schema(
        operation_id="removeSubtrack",
        summary="Take a stream out of a room; it goes on",
        tags=TAGS,
        parameters=[STREAM_ID, SUBTRACK],
        request=None,
        responses=ResultSerializer,
        examples=[examples.done(), examples.refusal("Subtrack not found")],
    )
    def delete(self, request: Request, application: str, stream_id: str) -> Response:
        subtrack = request.query_params.get("id", "")
        return leave(self.application.pk, stream_id, subtrack)


class _SubtracksView(ApplicationView):
    active: ClassVar[bool]

    def page(
        self, request: Request, stream_id: str, offset: int, size: int
    ) -> Response:
        found = rooms.list_subtracks(
            self.application.pk,
            stream_id,
            request.query_params.get("role", ""),
            read_page(offset, size),
            active=self.active,
        )
        if found is None:
            return failure(NOT_FOUND, status.HTTP_404_NOT_FOUND)
        return Response(found)


def _page_schema(operation_id: str, summary: str) -> Callable[[Get], Get]:
    decorate: Callable[[Get], Get] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=TAGS,
        parameters=[STREAM_ID, *PAGE, ROLE],
        responses={200: BroadcastSerializer(many=True), 404: ResultSerializer},
        examples=[
            examples.answer({**examples.BROADCAST, "mainTrackStreamId": "room1"}),
            examples.refusal(NOT_FOUND, 404),
        ],
    )
    return decorate


class SubtracksView(_SubtracksView):
    active = False

    @_page_schema("listSubtracks", "Subtracks, live or not")
    def get(
        self,
        request: Request,
        application: str,
        stream_id: str,
        offset: int,
        size: int,
    ) -> Response:
        return self.page(request, stream_id, offset, size)


class ActiveSubtracksView(_SubtracksView):
    active = True

    @_page_schema("listActiveSubtracks", "Subtracks that are live")
    def get(
        self,
        request: Request,
        application: str,
        stream_id: str,
        offset: int,
        size: int,
    ) -> Response:
        return self.page(request, stream_id, offset, size)


class ActiveSubtrackCountView(ApplicationView):
    @extend_schema(
        operation_id="countActiveSubtracks",
        summary="How many subtracks are live",
        tags=TAGS,
        parameters=[STREAM_ID, ROLE],
        responses={200: NumberSerializer, 404: ResultSerializer},
        examples=[
            examples.answer({"number": 4}),
            examples.refusal(NOT_FOUND, 404),
        ],
    )
    def get(self, request: Request, application: str, stream_id: str) -> Response:
        role = request.query_params.get("role", "")
        found = rooms.count_active_subtracks(self.application.pk, stream_id, role)
        if found is None:
            return failure(NOT_FOUND, status.HTTP_404_NOT_FOUND)
        return Response({"number": found})


def enter(application_id: int, main_id: str, stream_id: str) -> Response:
    try:
        rooms.add_subtrack(application_id, main_id, stream_id)
    except rooms.NotPossibleError as error:
        return failure(str(error))
    return ok()


def leave(application_id: int, main_id: str, stream_id: str) -> Response:
    try:
        rooms.remove_subtrack(application_id, main_id, stream_id)
    except rooms.NotPossibleError as error:
        return failure(str(error))
    return ok()
