"""Answers as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

from streams.services.descriptions import WITHOUT_MEANING

BROADCAST: dict[str, Any] = {
    **WITHOUT_MEANING,
    "streamId": "cam1",
    "status": "broadcasting",
    "type": "liveStream",
    "publishType": "WebRTC",
    "name": "Front door",
    "description": "",
    "category": None,
    "publish": True,
    "publicStream": True,
    "is360": False,
    "latitude": None,
    "longitude": None,
    "altitude": None,
    "zombi": False,
    "virtual": False,
    "metaData": None,
    "role": None,
    "mainTrackStreamId": None,
    "subTrackStreamIds": [],
    "subtracksLimit": -1,
    "webRTCViewerLimit": -1,
    "encoderSettingsList": [],
    "listenerHookURL": None,
    "date": 1_795_000_000_000,
    "startTime": 1_795_000_060_000,
    "absoluteStartTimeMs": 1_795_000_060_000,
    "updateTime": 1_795_000_120_000,
    "duration": 0,
    "plannedStartDate": 0,
    "plannedEndDate": 0,
    "expireDurationMS": 0,
    "webRTCViewerCount": 2,
    "bitrate": 1_250_000,
    "receivedBytes": 9_375_000,
    "width": 1280,
    "height": 720,
    "packetsLost": 3,
    "jitterMs": 4,
    "rttMs": 21,
    "remoteIp": "192.0.2.7",
    "userAgent": "Mozilla/5.0",
}
ROOM: dict[str, Any] = {
    "roomId": "room1",
    "startDate": 1_795_000_000,
    "endDate": 1_795_003_600,
    "roomStreamList": ["cam1"],
    "mode": "legacy",
    "originAdress": None,
}
ROOM_INFO: dict[str, Any] = {
    "roomId": "room1",
    "streamDetailsMap": {"cam1": "Front door"},
    "startDate": 1_795_000_000,
    "endDate": 1_795_003_600,
}
VIDEO_SENT: dict[str, Any] = {
    "videoFirCount": None,
    "videoPliCount": 2,
    "videoNackCount": 5,
    "videoPacketsSent": 78_120,
    "videoFramesEncoded": None,
    "videoBytesSent": 84_400_000,
    "videoPacketsSentPerSecond": 130,
    "videoBytesSentPerSecond": 150_000,
    "videoFramesEncodedPerSecond": None,
}
AUDIO_SENT: dict[str, Any] = {
    "audioPacketsSent": 30_010,
    "audioBytesSent": 3_700_000,
    "audioPacketsPerSecond": 50,
    "audioBytesSentPerSecond": 6_250,
}
CLIENT: dict[str, Any] = {
    "clientId": 1_203_948_576,
    "clientInfo": "Kitchen screen",
    "clientIp": "192.0.2.9",
    "sendBitrate": 1_250_000,
    "measuredBitrate": 2_100_000,
    "videoFrameSendPeriod": 33.3,
    "audioFrameSendPeriod": 20.0,
    "videoPacketCount": 78_120,
    "audioPacketCount": 30_010,
    "videoSentStats": {**VIDEO_SENT, "timeMs": 1_795_000_120_000},
    "audioSentStats": {**AUDIO_SENT, "timeMs": 1_795_000_120_000},
    "videoHeight": 720,
    "packetsLost": 12,
    "fractionLost": 0.004,
    "jitterMs": 3,
    "rttMs": 41,
    "droppedPackets": 0,
    "retransmittedPackets": 12,
    "nackCount": 5,
    "keyFrameRequests": 2,
    "joinTimeMs": 133,
}
STREAM_INFO: dict[str, Any] = {
    "videoHeight": 720,
    "videoWidth": 1280,
    "videoBitrate": 1_200_000,
    "audioBitrate": 50_000,
    "videoCodec": "VP8",
}
RECEIVED: dict[str, Any] = {
    "audioReceiveStats": {
        "audioPacketsReceived": 30_010,
        "audioBytesReceived": 3_700_000,
        "audioPacketsLost": 0,
        "audioJitter": 2,
        "audioFractionLost": 0.0,
        "audioPacketsReceivedPerSecond": 50,
        "audioBytesReceivedPerSecond": 6_250,
    },
    "videoReceiveStats": {
        "videoFirCount": 0,
        "videoPliCount": 4,
        "videoNackCount": 9,
        "videoPacketsReceived": 78_120,
        "videoPacketsLost": 3,
        "videoFractionLost": 0.0,
        "videoFrameReceived": 18_000,
        "videoBytesReceived": 84_400_000,
        "videoPacketsReceivedPerSecond": 130,
        "videoBytesReceivedPerSecond": 150_000,
        "videoFrameReceivedPerSecond": 30,
    },
    "packetsLost": 3,
    "bytesReceived": 9_375_000,
    "highestJitterMs": 4,
}
SENT: dict[str, Any] = {
    "audioSendStats": AUDIO_SENT,
    "videoSendStats": VIDEO_SENT,
    "viewers": 1,
    "measuredViewers": 1,
}


def answer(value: Any, name: str = "Answer", status: int = 200) -> OpenApiExample:
    """An example of what is answered; lists are given as one of their entries."""
    return OpenApiExample(
        name, value=value, response_only=True, status_codes=[str(status)]
    )


def request(value: Any, name: str = "Request") -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def refusal(message: str, status: int = 200, name: str = "Refused") -> OpenApiExample:
    """A Result that says why not."""
    error_id = -1 if status == 200 else status
    return answer(_result(success=False, message=message, error=error_id), name, status)


def done(name: str = "Done") -> OpenApiExample:
    return answer(_result(success=True, message=None, error=-1), name)


def _result(*, success: bool, message: str | None, error: int) -> dict[str, Any]:
    return {"success": success, "message": message, "dataId": None, "errorId": error}
