"""Broadcasts: register, look up, change, delete, stop."""

from __future__ import annotations

from django.core.exceptions import ValidationError as ModelValidationError
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from streams.rest.base import ApplicationView
from streams.rest.broadcasts import examples
from streams.rest.broadcasts.parameters import (
    PAGE,
    RESULT_OR_TAKEN,
    SHORT_STREAM_ID,
    STREAM_ID,
    query,
)
from streams.rest.broadcasts.reading import by_wire_name, read_fields, read_flag
from streams.rest.broadcasts.serializers import (
    BroadcastInput,
    BroadcastSerializer,
    NumberSerializer,
)
from streams.rest.errors import message_of
from streams.rest.paging import read_page
from streams.rest.results import ResultSerializer, failure, ok
from streams.services import catalogue, statistics

TAGS = ["broadcasts"]
NOT_FOUND = "Broadcast not found"
MAX_IDS = 1000  # of one request
SEARCH = "In id, name and description, whatever the case."
DELETE_SUBTRACKS = query(
    "deleteSubtracks", "Its subtracks too; true unless it says false.", bool
)


class CreateView(ApplicationView):
    @extend_schema(
        operation_id="createBroadcast",
        summary="Register a stream",
        tags=TAGS,
        parameters=[query("autoStart", "Of pulled sources; no effect.", bool)],
        request=BroadcastInput,
        responses={200: BroadcastSerializer, 400: ResultSerializer},
        examples=[
            examples.request({"streamId": "cam1", "name": "Front door"}),
            examples.answer({**examples.BROADCAST, "status": "created"}),
            examples.refusal("streamId: This id is in use.", 400),
        ],
    )
    def post(self, request: Request, application: str) -> Response:
        values = read_fields(request, BroadcastInput)
        try:
            return Response(catalogue.create_broadcast(self.application, values))
        except ModelValidationError as error:
            raise by_wire_name(error, BroadcastInput) from error


class BroadcastView(ApplicationView):
    @extend_schema(
        operation_id="getBroadcast",
        summary="One stream",
        tags=TAGS,
        parameters=[SHORT_STREAM_ID],
        responses={
            200: BroadcastSerializer,
            404: OpenApiResponse(description="Unknown; nothing else is said."),
        },
        examples=[examples.answer(examples.BROADCAST)],
    )
    def get(self, request: Request, application: str, stream_id: str) -> Response:
        found = catalogue.find_broadcast(self.application.pk, stream_id)
        if found is None:
            return Response(status=status.HTTP_404_NOT_FOUND)
        return Response(found)

    @extend_schema(
        operation_id="updateBroadcast",
        summary="Change what is said of it",
        tags=TAGS,
        parameters=[SHORT_STREAM_ID],
        request=BroadcastInput,
        responses=RESULT_OR_TAKEN,
        examples=[
            examples.request({"name": "Back door"}),
            examples.done(),
            examples.refusal(NOT_FOUND, name="Unknown"),
            examples.refusal("plannedEndDate: The end is before the start."),
        ],
    )
    def put(self, request: Request, application: str, stream_id: str) -> Response:
        """Bad values are a Result too, as every refusal of a change (contract 8)."""
        try:
            values = read_fields(request, BroadcastInput)
            values.pop("stream_id", None)  # it keeps its id
            changed = catalogue.change_broadcast(self.application.pk, stream_id, values)
        except ValidationError as error:
            return failure(message_of(error))
        except ModelValidationError as error:
            return failure(message_of(by_wire_name(error, BroadcastInput)))
        return ok() if changed else failure(NOT_FOUND)

    @extend_schema(
        operation_id="deleteBroadcast",
        summary="Delete it; who publishes it is stopped",
        tags=TAGS,
        parameters=[SHORT_STREAM_ID, DELETE_SUBTRACKS],
        responses=RESULT_OR_TAKEN,
        examples=[examples.done(), examples.refusal(NOT_FOUND)],
    )
    def delete(self, request: Request, application: str, stream_id: str) -> Response:
        deleted = catalogue.delete_broadcasts(
            self.application.pk,
            [stream_id],
            delete_subtracks=read_flag(request, "deleteSubtracks", default=True),
        )
        return ok() if deleted else failure(NOT_FOUND)


class BroadcastsView(ApplicationView):
    @extend_schema(
        operation_id="deleteBroadcasts",
        summary="Delete several; who publishes them is stopped",
        tags=TAGS,
        parameters=[
            query("ids", "Stream ids, separated by commas.", required=True),
            DELETE_SUBTRACKS,
        ],
        responses=ResultSerializer,
        examples=[examples.done(), examples.refusal("Not found: cam2")],
    )
    def delete(self, request: Request, application: str) -> Response:
        """Those that there are go, even if others are unknown."""
        said = ",".join(request.query_params.getlist("ids")).split(",")
        ids = list(dict.fromkeys(stream_id for stream_id in said if stream_id))
        if not ids or len(ids) > MAX_IDS:
            return failure(f"Give 1 to {MAX_IDS} ids, separated by commas")
        deleted = catalogue.delete_broadcasts(
            self.application.pk,
            ids,
            delete_subtracks=read_flag(request, "deleteSubtracks", default=True),
        )
        missing = [stream_id for stream_id in ids if stream_id not in deleted]
        return failure(f"Not found: {', '.join(missing)}") if missing else ok()


class ListView(ApplicationView):
    @extend_schema(
        operation_id="listBroadcasts",
        summary="Streams, by pages",
        tags=TAGS,
        parameters=[
            *PAGE,
            query("type_by", "Of this type alone."),
            query("sort_by", "name, date or status; else as they were registered."),
            query("order_by", "desc: the last first; else the first."),
            query("search", SEARCH),
        ],
        responses=BroadcastSerializer(many=True),
        examples=[examples.answer(examples.BROADCAST)],
    )
    def get(
        self, request: Request, application: str, offset: int, size: int
    ) -> Response:
        said = request.query_params
        wanted = catalogue.ListRequest(
            type=said.get("type_by", ""),
            sort_by=said.get("sort_by", ""),
            descending=said.get("order_by", "") == "desc",
            search=said.get("search", ""),
        )
        page = read_page(offset, size)
        return Response(catalogue.list_broadcasts(self.application.pk, wanted, page))


class CountView(ApplicationView):
    @extend_schema(
        operation_id="countBroadcasts",
        summary="How many streams there are",
        tags=TAGS,
        responses=NumberSerializer,
        examples=[examples.answer({"number": 12})],
    )
    def get(self, request: Request, application: str) -> Response:
        return Response({"number": catalogue.count_broadcasts(self.application.pk)})


class SearchCountView(ApplicationView):
    @extend_schema(
        operation_id="countBroadcastsBySearch",
        summary="How many streams a search finds",
        description=SEARCH,
        tags=TAGS,
        responses=NumberSerializer,
        examples=[examples.answer({"number": 3})],
    )
    def get(self, request: Request, application: str, search: str) -> Response:
        found = catalogue.count_broadcasts(self.application.pk, search)
        return Response({"number": found})


class LiveCountView(ApplicationView):
    @extend_schema(
        operation_id="countLiveStreams",
        summary="How many streams are live",
        tags=TAGS,
        responses=NumberSerializer,
        examples=[examples.answer({"number": 2})],
    )
    def get(self, request: Request, application: str) -> Response:
        return Response({"number": statistics.count_live_streams(self.application.pk)})


class StopView(ApplicationView):
    @extend_schema(
        operation_id="stopBroadcast",
        summary="Stop who publishes it; it stays registered",
        tags=TAGS,
        parameters=[
            STREAM_ID,
            query("stopSubtracks", "Its subtracks too; true unless false.", bool),
        ],
        request=None,
        responses=ResultSerializer,
        examples=[examples.done(), examples.refusal("Nobody publishes it")],
    )
    def post(self, request: Request, application: str, stream_id: str) -> Response:
        stopped = catalogue.stop_broadcast(
            self.application.pk,
            stream_id,
            stop_subtracks=read_flag(request, "stopSubtracks", default=True),
        )
        if stopped is None:
            return failure(NOT_FOUND)
        return ok() if stopped else failure("Nobody publishes it")
