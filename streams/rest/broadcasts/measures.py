"""Who watches, and what is measured."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from streams.rest.base import ApplicationView
from streams.rest.broadcasts import examples
from streams.rest.broadcasts.parameters import PAGE, STREAM_ID
from streams.rest.broadcasts.statistics_serializers import (
    BasicStreamInfoSerializer,
    ClientStatsSerializer,
    ReceiveStatsSerializer,
    SendStatsSerializer,
    TotalWatchersSerializer,
    WatchersSerializer,
)
from streams.rest.paging import read_page
from streams.services import statistics
from streams.services.information import stream_info

TAGS = ["statistics"]
WATCHERS = {
    "totalRTMPWatchersCount": 0,
    "totalHLSWatchersCount": 0,
    "totalWebRTCWatchersCount": 2,
    "totalDASHWatchersCount": 0,
}


class WatchersView(ApplicationView):
    @extend_schema(
        operation_id="getBroadcastStatistics",
        summary="Who watches a stream; -1 of an unknown one",
        tags=TAGS,
        parameters=[STREAM_ID],
        responses=WatchersSerializer,
        examples=[examples.answer(WATCHERS)],
    )
    def get(self, request: Request, application: str, stream_id: str) -> Response:
        counts = statistics.broadcast_statistics(self.application.pk, stream_id)
        return Response(counts)


class TotalWatchersView(ApplicationView):
    @extend_schema(
        operation_id="getTotalStatistics",
        summary="Who watches, and how many streams are live",
        tags=TAGS,
        responses=TotalWatchersSerializer,
        examples=[examples.answer({**WATCHERS, "activeLiveStreamCount": 1})],
    )
    def get(self, request: Request, application: str) -> Response:
        return Response(statistics.total_statistics(self.application.pk))


class ClientStatsView(ApplicationView):
    @extend_schema(
        operation_id="listClientStats",
        summary="The viewers of a stream",
        tags=TAGS,
        parameters=[STREAM_ID, *PAGE],
        responses=ClientStatsSerializer(many=True),
        examples=[examples.answer(examples.CLIENT)],
    )
    def get(
        self,
        request: Request,
        application: str,
        stream_id: str,
        offset: int,
        size: int,
    ) -> Response:
        viewers = statistics.viewer_statistics(
            self.application, stream_id, read_page(offset, size)
        )
        return Response(viewers)


class SendStatsView(ApplicationView):
    @extend_schema(
        operation_id="getSendStats",
        summary="What viewers are sent",
        tags=TAGS,
        responses=SendStatsSerializer,
        examples=[examples.answer(examples.SENT)],
    )
    def get(self, request: Request, application: str) -> Response:
        return Response(statistics.send_statistics(self.application))


class ReceiveStatsView(ApplicationView):
    @extend_schema(
        operation_id="getReceiveStats",
        summary="What publishers send",
        tags=TAGS,
        responses=ReceiveStatsSerializer,
        examples=[examples.answer(examples.RECEIVED)],
    )
    def get(self, request: Request, application: str) -> Response:
        return Response(statistics.receive_statistics(self.application))


class StreamInfoView(ApplicationView):
    @extend_schema(
        operation_id="getStreamInfo",
        summary="The renditions of a live stream; none of one that is not live",
        tags=TAGS,
        parameters=[STREAM_ID],
        responses=BasicStreamInfoSerializer(many=True),
        examples=[examples.answer(examples.STREAM_INFO)],
    )
    def get(self, request: Request, application: str, stream_id: str) -> Response:
        renditions = [
            {
                "videoHeight": info.height,
                "videoWidth": info.width,
                "videoBitrate": info.video_bitrate,
                "audioBitrate": info.audio_bitrate,
                "videoCodec": info.video_codec,
            }
            for info in stream_info(self.application.name, stream_id)
        ]
        return Response(renditions)
