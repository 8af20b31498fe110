"""Who connected, disconnected and was refused, by REST (contract 7.2, 8)."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from streams.models import ConnectionEvent, CredentialType, EventType, Subscriber
from streams.rest.base import ApplicationView
from streams.rest.fields import NullForEmpty
from streams.rest.paging import read_page

TAG = "events"
EVENTS_PER_SUBSCRIBER = 20  # of its statistics; the others are in connection-events
EVENT_EXAMPLE = {
    "timestamp": 1789986600000,
    "eventType": "disconnected",
    "instanceIP": "media-1",
    "type": "play",
    "eventProtocol": "webrtc",
    "streamId": "stream1",
    "subscriberId": "alice",
    "reason": None,
    "remoteIp": "192.0.2.7",
    "durationMs": 61250,
    "count": 1,
}


class ConnectionEventSerializer(serializers.Serializer[Any]):
    timestamp = serializers.IntegerField(help_text="Unix time in ms; of the last one.")
    eventType = serializers.ChoiceField(EventType.choices, source="event_type")
    instanceIP = NullForEmpty(source="instance", help_text="The process it was at.")
    type = serializers.ChoiceField(CredentialType.choices)
    eventProtocol = serializers.CharField(source="protocol")
    streamId = serializers.CharField(source="stream_id")
    subscriberId = NullForEmpty(source="subscriber_id")
    reason = NullForEmpty(help_text="Why it was refused or ended.")
    remoteIp = NullForEmpty(source="remote_ip")
    durationMs = serializers.IntegerField(source="duration_ms")
    count = serializers.IntegerField(help_text="Equal refusals in a row are one.")


class SubscriberStatsSerializer(serializers.Serializer[Any]):
    subscriberId = serializers.CharField()
    streamId = serializers.CharField()
    connectionEvents = ConnectionEventSerializer(
        many=True, help_text=f"The last {EVENTS_PER_SUBSCRIBER}."
    )


class ConnectionEventListView(ApplicationView):
    @extend_schema(
        operation_id="listConnectionEvents",
        summary="A stream's connection events",
        description="The newest first.",
        tags=[TAG],
        parameters=[
            OpenApiParameter("subscriberId", str, description="Of this one only.")
        ],
        responses={200: ConnectionEventSerializer(many=True)},
        examples=[OpenApiExample("Viewer left", EVENT_EXAMPLE, response_only=True)],
    )
    def get(
        self,
        request: Request,
        application: str,
        stream_id: str,
        offset: int,
        size: int,
    ) -> Response:
        events = self.application.connection_events.filter(stream_id=stream_id)
        subscriber_id = request.query_params.get("subscriberId", "")
        if subscriber_id:
            events = events.filter(subscriber_id=subscriber_id)
        page = events[read_page(offset, size)]
        return Response(ConnectionEventSerializer(page, many=True).data)


class SubscriberStatsListView(ApplicationView):
    @extend_schema(
        operation_id="listSubscriberStats",
        summary="A stream's subscribers and their connection events",
        tags=[TAG],
        responses={200: SubscriberStatsSerializer(many=True)},
        examples=[
            OpenApiExample(
                "Viewer",
                {
                    "subscriberId": "alice",
                    "streamId": "stream1",
                    "connectionEvents": [EVENT_EXAMPLE],
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
        rows = Subscriber.objects.filter(
            application=self.application, stream_id=stream_id
        )
        ids = list(
            rows.values_list("subscriber_id", flat=True)[read_page(offset, size)]
        )
        events: dict[str, list[ConnectionEvent]] = {found: [] for found in ids}
        for event in self.last_events(stream_id, ids):
            events[event.subscriber_id].append(event)
        stats = [
            {"subscriberId": found, "streamId": stream_id, "connectionEvents": of_it}
            for found, of_it in events.items()
        ]
        return Response(SubscriberStatsSerializer(stats, many=True).data)

    def last_events(
        self, stream_id: str, subscriber_ids: list[str]
    ) -> QuerySet[ConnectionEvent]:
        rank = Window(
            RowNumber(),
            partition_by=F("subscriber_id"),
            order_by=[F("timestamp").desc(), F("pk").desc()],
        )
        return (
            self.application.connection_events.filter(
                stream_id=stream_id, subscriber_id__in=subscriber_ids
            )
            .annotate(rank=rank)
            .filter(rank__lte=EVENTS_PER_SUBSCRIBER)
        )
