"""Counts and measures as JSON, by Ant Media's names. null: not measured (here)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

Serializer = serializers.Serializer[Any]


def measured(help_text: str = "") -> Any:
    return serializers.IntegerField(help_text=help_text)


def known(help_text: str = "") -> Any:
    """Measured by the relays of this process; null until they have."""
    return serializers.IntegerField(allow_null=True, help_text=help_text)


def known_fraction(help_text: str) -> Any:
    return serializers.FloatField(allow_null=True, help_text=help_text)


def unmeasured(why: str = "Not measured here: null.") -> Any:
    return serializers.FloatField(allow_null=True, help_text=why)


class WatchersSerializer(Serializer):
    """-1: unknown. Nothing is served by RTMP, HLS and DASH."""

    totalRTMPWatchersCount = measured()
    totalHLSWatchersCount = measured()
    totalWebRTCWatchersCount = measured()
    totalDASHWatchersCount = measured()


class TotalWatchersSerializer(WatchersSerializer):
    """Of the application."""

    activeLiveStreamCount = measured()


class VideoSendStatsSerializer(Serializer):
    """Sent to viewers; retransmissions are not among the packets."""

    videoFirCount = unmeasured("null: counted in videoPliCount.")
    videoPliCount = known("Key frames they asked for, by PLI or FIR.")
    videoNackCount = known("NACK packets they sent.")
    videoPacketsSent = known()
    videoFramesEncoded = unmeasured("null: nothing is encoded for a viewer.")
    videoBytesSent = known()
    videoPacketsSentPerSecond = known()
    videoBytesSentPerSecond = known()
    videoFramesEncodedPerSecond = unmeasured("null: nothing is encoded for a viewer.")


class AudioSendStatsSerializer(Serializer):
    audioPacketsSent = known()
    audioBytesSent = known()
    audioPacketsPerSecond = known()
    audioBytesSentPerSecond = known()


class VideoSentSerializer(VideoSendStatsSerializer):
    timeMs = measured("Unix time of the measurement.")


class AudioSentSerializer(AudioSendStatsSerializer):
    timeMs = measured("Unix time of the measurement.")


class ClientStatsSerializer(Serializer):
    """A viewer, measured every few seconds. Bitrates in bit/s.

    All measurements are null in its first seconds, and where it is on a relay of
    another process. From `videoHeight` on the fields are ours.
    """

    clientId = measured("Made of its session; stays the same while it lasts.")
    clientInfo = serializers.CharField(
        allow_null=True, help_text="What it said of itself (viewerInfo)."
    )
    clientIp = serializers.CharField(allow_null=True)
    sendBitrate = known("Video and audio that it is sent.")
    measuredBitrate = known("What its path bears by our estimate; 0: not known.")
    videoFrameSendPeriod = known_fraction(
        "ms between frames; null for who gets another rendition than the original: "
        "its frames are not counted."
    )
    audioFrameSendPeriod = known_fraction("ms between frames.")
    videoPacketCount = known()
    audioPacketCount = known()
    videoSentStats = VideoSentSerializer(allow_null=True)
    audioSentStats = AudioSentSerializer(allow_null=True)
    videoHeight = known("Of the rendition it is sent; 0: not known.")
    packetsLost = known("By its receiver reports, since it joined.")
    fractionLost = known_fraction("Of its last receiver report, 0 to 1.")
    jitterMs = known()
    rttMs = known("Round trip; 0: not known.")
    droppedPackets = known("That the kernel had no room for.")
    retransmittedPackets = known()
    nackCount = known("NACK packets it sent.")
    keyFrameRequests = known("PLIs and FIRs it sent.")
    joinTimeMs = known("From its command to its connection; 0: not known.")


class BasicStreamInfoSerializer(Serializer):
    """A rendition. Bitrates in bit/s; 0 and "" while unknown."""

    videoHeight = measured()
    videoWidth = measured()
    videoBitrate = measured()
    audioBitrate = measured()
    videoCodec = serializers.CharField(allow_blank=True)


class AudioReceiveStatsSerializer(Serializer):
    audioPacketsReceived = known()
    audioBytesReceived = known()
    audioPacketsLost = known("That no retransmission brought.")
    audioJitter = known("The highest, ms.")
    audioFractionLost = known_fraction("Of the last second, 0 to 1.")
    audioPacketsReceivedPerSecond = known()
    audioBytesReceivedPerSecond = known()


class VideoReceiveStatsSerializer(Serializer):
    videoFirCount = known("We send none.")
    videoPliCount = known("Key frames we asked for.")
    videoNackCount = known("NACK packets we sent.")
    videoPacketsReceived = known()
    videoPacketsLost = known("That no retransmission brought.")
    videoFractionLost = known_fraction("Of the last second, 0 to 1.")
    videoFrameReceived = known()
    videoBytesReceived = known()
    videoPacketsReceivedPerSecond = known()
    videoBytesReceivedPerSecond = known()
    videoFrameReceivedPerSecond = known()


class ReceiveStatsSerializer(Serializer):
    """Of all live publishers of the application.

    By kind as the relays of this process measure it, null where they have none of the
    live streams; the rest is of all processes.
    """

    audioReceiveStats = AudioReceiveStatsSerializer()
    videoReceiveStats = VideoReceiveStatsSerializer()
    packetsLost = measured("Of audio and video together, since they are live.")
    bytesReceived = measured("Of audio and video together, since they are live.")
    highestJitterMs = serializers.IntegerField(
        allow_null=True, help_text="null: nobody is live."
    )


class SendStatsSerializer(Serializer):
    """To all viewers of the application that the relays of this process have measured;
    null where they have measured none of them.
    """

    audioSendStats = AudioSendStatsSerializer()
    videoSendStats = VideoSendStatsSerializer()
    viewers = measured("How many there are.")
    measuredViewers = measured("How many of them the sums are of.")
