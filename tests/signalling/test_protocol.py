from __future__ import annotations

import json

from signalling.protocol import (
    LEGACY_WITHOUT_STREAM_ID,
    PING_TEXT,
    PONG_TEXT,
    WITHOUT_STREAM_ID,
    Command,
    Reply,
)


def test_what_real_clients_send_without_a_stream_id_is_complete() -> None:
    """Contract 2.0: an error to one of these is a popup on every page."""
    assert {str(command) for command in WITHOUT_STREAM_ID} == {
        "ping",
        "getIceServerConfig",
        "joinRoom",
        "getRoomInfo",
        "leaveFromRoom",
        "sendPushNotification",
        "registerPushNotificationToken",
    }
    besides = LEGACY_WITHOUT_STREAM_ID - WITHOUT_STREAM_ID
    assert besides == {Command.STOP, Command.LEAVE}


def test_the_ping_is_what_a_browsers_stringify_makes() -> None:
    compact = (",", ":")
    assert json.dumps({"command": Command.PING}, separators=compact) == PING_TEXT
    assert json.dumps({"command": Reply.PONG}, separators=compact) == PONG_TEXT
