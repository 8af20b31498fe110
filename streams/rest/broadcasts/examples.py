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
CLIENT: dict[str, Any] = {
    "clientId": 1_203_948_576,
    "clientInfo": "Kitchen screen",
    "clientIp": "192.0.2.9",
    "sendBitrate": 1_250_000,
    "measuredBitrate": 1_250_000,
    "videoFrameSendPeriod": None,
    "audioFrameSendPeriod": None,
    "videoPacketCount": None,
    "audioPacketCount": None,
    "videoSentStats": None,
    "audioSentStats": None,
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
        "audioPacketsReceived": None,
        "audioBytesReceived": None,
        "audioPacketsLost": None,
        "audioJitter": None,
        "audioFractionLost": None,
        "audioPacketsReceivedPerSecond": None,
        "audioBytesReceivedPerSecond": 6_250,
    },
    "videoReceiveStats": {
        "videoFirCount": None,
        "videoPliCount": None,
        "videoNackCount": None,
        "videoPacketsReceived": None,
        "videoPacketsLost": None,
        "videoFractionLost": None,
        "videoFrameReceived": None,
        "videoBytesReceived": None,
        "videoPacketsReceivedPerSecond": None,
        "videoBytesReceivedPerSecond": 150_000,
        "videoFrameReceivedPerSecond": None,
    },
    "packetsLost": 3,
    "bytesReceived": 9_375_000,
    "highestJitterMs": 4,
}
SENT: dict[str, Any] = {
    "audioSendStats": {
        "audioPacketsSent": None,
        "audioBytesSent": None,
        "audioPacketsSentPerSecond": None,
        "audioBytesSentPerSecond": 12_500,
    },
    "videoSendStats": {
        "videoFirCount": None,
        "videoPliCount": None,
        "videoNackCount": None,
        "videoPacketsSent": None,
        "videoFramesEncoded": None,
        "videoBytesSent": None,
        "videoPacketsSentPerSecond": None,
        "videoBytesSentPerSecond": 300_000,
        "videoFramesEncodedPerSecond": None,
    },
    "viewers": 2,
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
