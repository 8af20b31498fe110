"""Counts and measures as JSON, by Ant Media's names. null: not measured here."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

Serializer = serializers.Serializer[Any]


def measured(help_text: str = "") -> Any:
    return serializers.IntegerField(help_text=help_text)


def unmeasured() -> Any:
    return serializers.FloatField(allow_null=True, help_text="Not measured here: null.")


class WatchersSerializer(Serializer):
    """-1: unknown. Nothing is served by RTMP, HLS and DASH."""

    totalRTMPWatchersCount = measured()
    totalHLSWatchersCount = measured()
    totalWebRTCWatchersCount = measured()
    totalDASHWatchersCount = measured()


class TotalWatchersSerializer(WatchersSerializer):
    """Of the application."""

    activeLiveStreamCount = measured()


class ClientStatsSerializer(Serializer):
    """A viewer. Bitrates in bit/s, of the stream: each is sent the whole of it."""

    clientId = measured("Made of its session; stays the same while it lasts.")
    clientInfo = serializers.CharField(
        allow_null=True, help_text="What it said of itself (viewerInfo)."
    )
    clientIp = serializers.CharField(allow_null=True)
    sendBitrate = measured()
    measuredBitrate = measured()
    videoFrameSendPeriod = unmeasured()
    audioFrameSendPeriod = unmeasured()
    videoPacketCount = unmeasured()
    audioPacketCount = unmeasured()
    videoSentStats = serializers.DictField(
        allow_null=True, help_text="Not measured here: null."
    )
    audioSentStats = serializers.DictField(
        allow_null=True, help_text="Not measured here: null."
    )


class BasicStreamInfoSerializer(Serializer):
    """A rendition. Bitrates in bit/s; 0 and "" while unknown."""

    videoHeight = measured()
    videoWidth = measured()
    videoBitrate = measured()
    audioBitrate = measured()
    videoCodec = serializers.CharField(allow_blank=True)


class AudioReceiveStatsSerializer(Serializer):
    audioPacketsReceived = unmeasured()
    audioBytesReceived = unmeasured()
    audioPacketsLost = unmeasured()
    audioJitter = unmeasured()
    audioFractionLost = unmeasured()
    audioPacketsReceivedPerSecond = unmeasured()
    audioBytesReceivedPerSecond = measured()


class VideoReceiveStatsSerializer(Serializer):
    videoFirCount = unmeasured()
    videoPliCount = unmeasured()
    videoNackCount = unmeasured()
    videoPacketsReceived = unmeasured()
    videoPacketsLost = unmeasured()
    videoFractionLost = unmeasured()
    videoFrameReceived = unmeasured()
    videoBytesReceived = unmeasured()
    videoPacketsReceivedPerSecond = unmeasured()
    videoBytesReceivedPerSecond = measured()
    videoFrameReceivedPerSecond = unmeasured()


class ReceiveStatsSerializer(Serializer):
    """Of all live publishers of the application."""

    audioReceiveStats = AudioReceiveStatsSerializer()
    videoReceiveStats = VideoReceiveStatsSerializer()
    packetsLost = measured("Of audio and video together, since they are live.")
    bytesReceived = measured("Of audio and video together, since they are live.")
    highestJitterMs = serializers.IntegerField(
        allow_null=True, help_text="null: nobody is live."
    )


class AudioSendStatsSerializer(Serializer):
    audioPacketsSent = unmeasured()
    audioBytesSent = unmeasured()
    audioPacketsSentPerSecond = unmeasured()
    audioBytesSentPerSecond = measured()


class VideoSendStatsSerializer(Serializer):
    videoFirCount = unmeasured()
    videoPliCount = unmeasured()
    videoNackCount = unmeasured()
    videoPacketsSent = unmeasured()
    videoFramesEncoded = unmeasured()
    videoBytesSent = unmeasured()
    videoPacketsSentPerSecond = unmeasured()
    videoBytesSentPerSecond = measured()
    videoFramesEncodedPerSecond = unmeasured()


class SendStatsSerializer(Serializer):
    """To all viewers of the application: each is sent the whole of its stream."""

    audioSendStats = AudioSendStatsSerializer()
    videoSendStats = VideoSendStatsSerializer()
    viewers = measured("How many there are.")
