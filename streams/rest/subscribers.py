"""Subscribers of streams by REST (contract 8)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from streams.models import BlockedType, CredentialType
from streams.rest.base import ApplicationView
from streams.rest.errors import message_of
from streams.rest.fields import NullForEmpty
from streams.rest.paging import read_page
from streams.rest.parsers import read_object
from streams.rest.results import ResultSerializer, failure, ok
from streams.services.subscribers import (
    SubscriberChanges,
    block_subscriber,
    delete_subscriber,
    delete_subscribers,
    list_subscribers,
    save_subscriber,
    subscriber_code,
)

TAG = "subscribers"
NOT_MEASURED = "Always 0: not measured of each viewer."
# Of the body, by field of the row.
FIELDS = {
    "subscriber_name": "subscriberName",
    "type": "type",
    "b32_secret": "b32Secret",
    "totp_period_s": "totpExpiryPeriodSeconds",
    "concurrent_connections_limit": "concurrentConnectionsLimit",
    "blocked_type": "blockedType",
    "blocked_until_ms": "blockedUntilUnitTimeStampMs",
}
WIRE_NAMES = FIELDS | {"stream_id": "streamId", "subscriber_id": "subscriberId"}


class SubscriberSerializer(serializers.Serializer[Any]):
    """A subscriber, without its secret."""

    subscriberId = serializers.CharField(source="subscriber.subscriber_id")
    subscriberName = NullForEmpty(source="subscriber.subscriber_name")
    streamId = serializers.CharField(source="subscriber.stream_id")
    type = serializers.ChoiceField(CredentialType.choices, source="subscriber.type")
    connected = serializers.BooleanField()
    currentConcurrentConnections = serializers.IntegerField(source="connections")
    concurrentConnectionsLimit = serializers.IntegerField(
        source="subscriber.concurrent_connections_limit"
    )
    blockedType = NullForEmpty(
        source="subscriber.blocked_type", help_text="publish, play or publish_play."
    )
    blockedUntilUnitTimeStampMs = serializers.IntegerField(
        source="subscriber.blocked_until_ms"
    )
    registeredNodeIp = NullForEmpty(
        source="hostname", help_text="Of a process that serves it now."
    )
    avgVideoBitrate = serializers.IntegerField(default=0, help_text=NOT_MEASURED)
    avgAudioBitrate = serializers.IntegerField(default=0, help_text=NOT_MEASURED)
    totpExpiryPeriodSeconds = serializers.IntegerField(
        source="subscriber.totp_period_s", allow_null=True
    )


class SubscriberBody(serializers.Serializer[Any]):
    """What is left out keeps its value; a new subscriber has the usual one."""

    subscriberId = serializers.CharField(
        allow_blank=True, max_length=255, help_text="At least 4 characters."
    )
    subscriberName = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=255
    )
    type = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=32,
        help_text="play, or publish, which may play too.",
    )
    b32Secret = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=255,
        write_only=True,
        help_text="Base32, a multiple of 8 characters. Never in an answer.",
    )
    totpExpiryPeriodSeconds = serializers.IntegerField(
        required=False, allow_null=True, help_text="10 or more; null: timeTokenPeriod."
    )
    concurrentConnectionsLimit = serializers.IntegerField(
        required=False, allow_null=True
    )
    blockedType = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=32
    )
    blockedUntilUnitTimeStampMs = serializers.IntegerField(
        required=False, allow_null=True
    )


class SubscribersView(ApplicationView):
    @extend_schema(
        operation_id="saveSubscriber",
        summary="Register or change a subscriber",
        description="success is false when a value does not fit: an id below 4 "
        "characters, a secret that is not base32, a period below 10 s.",
        tags=[TAG],
        request=SubscriberBody,
        responses={200: ResultSerializer},
        examples=[
            OpenApiExample(
                "Viewer",
                {
                    "subscriberId": "alice",
                    "subscriberName": "Alice",
                    "type": "play",
                    "b32Secret": "6qsp6qhndryqs56zjmvs37i6gqtjsdvc",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, application: str, stream_id: str) -> Response:
        body = SubscriberBody(data=read_object(request))
        try:
            body.is_valid(raise_exception=True)
        except serializers.ValidationError as error:
            return failure(message_of(error))
        given = body.validated_data
        try:
            saved = save_subscriber(
                self.application, stream_id, given["subscriberId"], changes_of(given)
            )
        except ValidationError as error:
            return failure(sentence_of(error))
        return ok(data_id=saved.subscriber_id)

    @extend_schema(
        operation_id="deleteSubscribers",
        summary="Delete a stream's subscribers",
        description="success is false when it has none.",
        tags=[TAG],
        responses={200: ResultSerializer},
    )
    def delete(self, request: Request, application: str, stream_id: str) -> Response:
        deleted = delete_subscribers(self.application, stream_id)
        return ok() if deleted else failure("This stream has no subscribers")


class SubscriberListView(ApplicationView):
    @extend_schema(
        operation_id="listSubscribers",
        summary="A stream's subscribers",
        tags=[TAG],
        responses={200: SubscriberSerializer(many=True)},
        examples=[
            OpenApiExample(
                "Viewer",
                {
                    "subscriberId": "alice",
                    "subscriberName": "Alice",
                    "streamId": "stream1",
                    "type": "play",
                    "connected": True,
                    "currentConcurrentConnections": 1,
                    "concurrentConnectionsLimit": 1,
                    "blockedType": None,
                    "blockedUntilUnitTimeStampMs": 0,
                    "registeredNodeIp": "media-1",
                    "avgVideoBitrate": 0,
                    "avgAudioBitrate": 0,
                    "totpExpiryPeriodSeconds": None,
                },
                response_only=True,
            )
        ],
    )
    def get(
        self,
        request: Request,
        application: str,
        stream_id: str,
        offset: int,
        size: int,
    ) -> Response:
        rows = list_subscribers(self.application, stream_id, read_page(offset, size))
        return Response(SubscriberSerializer(rows, many=True).data)


class SubscriberView(ApplicationView):
    @extend_schema(
        operation_id="deleteSubscriber",
        summary="Delete a subscriber",
        tags=[TAG],
        responses={200: ResultSerializer},
    )
    def delete(
        self, request: Request, application: str, stream_id: str, subscriber_id: str
    ) -> Response:
        deleted = delete_subscriber(self.application, stream_id, subscriber_id)
        return ok() if deleted else failure("There is no such subscriber")


class SubscriberCodeView(ApplicationView):
    reveals_credentials = True

    @extend_schema(
        operation_id="readTotp",
        summary="A subscriber's code",
        description="In dataId: the code that lets it in now. Also for one that is not "
        "registered. Needs a key that may write.",
        tags=[TAG],
        parameters=[
            OpenApiParameter(
                "type",
                str,
                enum=CredentialType.values,
                description="To do what. Without it: what the subscriber is for.",
            )
        ],
        responses={200: ResultSerializer},
        examples=[
            OpenApiExample(
                "Code",
                {"success": True, "message": None, "dataId": "216877", "errorId": -1},
                response_only=True,
            )
        ],
    )
    def get(
        self, request: Request, application: str, stream_id: str, subscriber_id: str
    ) -> Response:
        kind = request.query_params.get("type", "")
        try:
            code = subscriber_code(self.application, stream_id, subscriber_id, kind)
        except ValueError as error:
            return failure(str(error))
        return ok(data_id=code)


class SubscriberBlockView(ApplicationView):
    @extend_schema(
        operation_id="blockSubscriber",
        summary="Block a subscriber",
        description="For so many seconds; 0 ends a block. Ends its sessions now. One "
        "that is not registered gets registered.",
        tags=[TAG],
        parameters=[
            OpenApiParameter(
                "type", str, OpenApiParameter.PATH, enum=BlockedType.values
            ),
        ],
        request=None,
        responses={200: ResultSerializer},
    )
    def put(
        self,
        request: Request,
        application: str,
        stream_id: str,
        subscriber_id: str,
        seconds: int,
        type: str,
    ) -> Response:
        try:
            saved = block_subscriber(
                self.application, stream_id, subscriber_id, seconds, type
            )
        except ValidationError as error:
            return failure(sentence_of(error))
        return ok(data_id=saved.subscriber_id)


def changes_of(given: dict[str, Any]) -> SubscriberChanges:
    """What the body names. Ant Media's clients send null for what they do not know."""
    changes = SubscriberChanges()
    for field, name in FIELDS.items():
        if given.get(name) is not None or (field == "totp_period_s" and name in given):
            changes[field] = given[name]  # type: ignore[literal-required]
    return changes


def sentence_of(error: ValidationError) -> str:
    return " ".join(
        f"{WIRE_NAMES[field]}: {' '.join(messages)}"
        if field in WIRE_NAMES
        else " ".join(messages)
        for field, messages in error.message_dict.items()
    )
