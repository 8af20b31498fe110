"""The conference rooms of 2.x back ends: a view over virtual broadcasts."""

from __future__ import annotations

from django.core.exceptions import ValidationError as ModelValidationError
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from streams.rest.base import ApplicationView
from streams.rest.broadcasts import examples
from streams.rest.broadcasts.parameters import (
    PAGE,
    RESULT_OR_TAKEN,
    ROOM_ID,
    ROOM_STREAM_ID,
    query,
)
from streams.rest.broadcasts.reading import by_wire_name, read_fields, read_flag
from streams.rest.broadcasts.serializers import (
    RoomInfoSerializer,
    RoomInput,
    RoomSerializer,
)
from streams.rest.broadcasts.subtracks import enter, leave
from streams.rest.paging import read_page
from streams.rest.results import ResultSerializer, failure, ok
from streams.services import rooms

TAGS = ["conference rooms"]
NOT_FOUND = "Room not found"
UNKNOWN = OpenApiResponse(description="Unknown; nothing else is said.")


class RoomsView(ApplicationView):
    @extend_schema(
        operation_id="createRoom",
        summary="Make a room, for an hour from now unless it says when",
        tags=TAGS,
        request=RoomInput,
        responses={200: RoomSerializer, 400: ResultSerializer},
        examples=[
            examples.request({"roomId": "room1"}),
            examples.answer({**examples.ROOM, "roomStreamList": []}),
            examples.refusal("roomId: This id is in use.", 400),
        ],
    )
    def post(self, request: Request, application: str) -> Response:
        values = read_fields(request, RoomInput)
        values.pop("mode", None)
        try:
            return Response(rooms.create_room(self.application, values))
        except ModelValidationError as error:
            raise by_wire_name(error, RoomInput) from error


class RoomListView(ApplicationView):
    @extend_schema(
        operation_id="listRooms",
        summary="Rooms, by pages",
        tags=TAGS,
        parameters=PAGE,
        responses=RoomSerializer(many=True),
        examples=[examples.answer(examples.ROOM)],
    )
    def get(
        self, request: Request, application: str, offset: int, size: int
    ) -> Response:
        page = read_page(offset, size)
        return Response(rooms.list_rooms(self.application.pk, page))


class RoomView(ApplicationView):
    @extend_schema(
        operation_id="getRoom",
        summary="One room",
        tags=TAGS,
        parameters=[ROOM_ID],
        responses={200: RoomSerializer, 404: UNKNOWN},
        examples=[examples.answer(examples.ROOM)],
    )
    def get(self, request: Request, application: str, room_id: str) -> Response:
        found = rooms.find_room(self.application.pk, room_id)
        if found is None:
            return Response(status=status.HTTP_404_NOT_FOUND)
        return Response(found)

    @extend_schema(
        operation_id="updateRoom",
        summary="Change a room's dates",
        tags=TAGS,
        parameters=[ROOM_ID],
        request=RoomInput,
        responses={200: RoomSerializer, 400: ResultSerializer},
        examples=[
            examples.request({"endDate": 1_795_003_600}),
            examples.answer(examples.ROOM),
            examples.refusal(NOT_FOUND, 400),
        ],
    )
    def put(self, request: Request, application: str, room_id: str) -> Response:
        values = read_fields(request, RoomInput)
        values.pop("mode", None)
        values.pop("stream_id", None)  # it keeps its id
        try:
            changed = rooms.change_room(self.application.pk, room_id, values)
        except ModelValidationError as error:
            raise by_wire_name(error, RoomInput) from error
        if changed is None:
            return failure(NOT_FOUND, status.HTTP_400_BAD_REQUEST)
        return Response(changed)

    @extend_schema(
        operation_id="deleteRoom",
        summary="Delete a room",
        tags=TAGS,
        parameters=[
            ROOM_ID,
            query("deleteSubtracks", "Its streams too; else they go on.", bool),
        ],
        responses=ResultSerializer,
        examples=[examples.done(), examples.refusal(NOT_FOUND)],
    )
    def delete(self, request: Request, application: str, room_id: str) -> Response:
        """Of 2.x, a room's streams outlive it unless it is said otherwise."""
        deleted = rooms.delete_room(
            self.application.pk,
            room_id,
            delete_subtracks=read_flag(request, "deleteSubtracks", default=False),
        )
        return ok() if deleted else failure(NOT_FOUND)


class RoomInfoView(ApplicationView):
    @extend_schema(
        operation_id="getRoomInfo",
        summary="Who is live in a room",
        tags=TAGS,
        parameters=[ROOM_ID, query("streamId", "Left out: who asks.")],
        responses={200: RoomInfoSerializer, 404: UNKNOWN},
        examples=[examples.answer(examples.ROOM_INFO)],
    )
    def get(self, request: Request, application: str, room_id: str) -> Response:
        without = request.query_params.get("streamId", "")
        found = rooms.room_info(self.application.pk, room_id, without)
        if found is None:
            return Response(status=status.HTTP_404_NOT_FOUND)
        return Response(found)


class RoomStreamView(ApplicationView):
    @extend_schema(
        operation_id="addStreamToRoom",
        summary="Put a stream into a room",
        tags=TAGS,
        parameters=[ROOM_ID, ROOM_STREAM_ID],
        request=None,
        responses=RESULT_OR_TAKEN,
        examples=[examples.done(), examples.refusal(NOT_FOUND)],
    )
    def put(
        self, request: Request, application: str, room_id: str, stream_id: str
    ) -> Response:
        if not rooms.is_room(self.application.pk, room_id):
            return failure(NOT_FOUND)
        return enter(self.application.pk, room_id, stream_id)

    @extend_schema(
        operation_id="removeStreamFromRoom",
        summary="Take a stream out of a room; it goes on",
        tags=TAGS,
        parameters=[ROOM_ID, ROOM_STREAM_ID],
        request=None,
        responses=RESULT_OR_TAKEN,
        examples=[examples.done(), examples.refusal(NOT_FOUND)],
    )
    def delete(
        self, request: Request, application: str, room_id: str, stream_id: str
    ) -> Response:
        if not rooms.is_room(self.application.pk, room_id):
            return failure(NOT_FOUND)
        return leave(self.application.pk, room_id, stream_id)
