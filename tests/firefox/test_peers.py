"""Peer to peer between two tabs of Firefox with the unmodified SDK."""

from __future__ import annotations

import pytest

from tests.firefox.sdk import Opens, SdkPage, SdkPages


@pytest.fixture
def joining(sdk: SdkPages) -> Opens:
    """Opens a page that has joined a room."""

    def join(stream: str, application: str = "LiveApp") -> SdkPage:
        page = sdk.open(application)
        page.start()
        page.call("join", stream)
        page.wait_for_call("joined")
        return page

    return join


def test_two_pages_see_and_hear_each_other(
    joining: Opens, sdk: SdkPages, stream_id: str
) -> None:
    first, second = joining(stream_id), joining(stream_id)
    first.wait_for_media(stream_id)
    second.wait_for_media(stream_id)
    assert sdk.failures() == []
    assert sdk.firefox.complaints() == []


def test_who_leaves_may_come_back(joining: Opens, stream_id: str) -> None:
    first, second = joining(stream_id), joining(stream_id)
    second.wait_for_media(stream_id)
    first.call("leave", stream_id)
    first.wait_for_call("leaved")
    second.page.wait_for(
        "(room) => !window.adaptor.remotePeerConnection[room]", stream_id
    )
    first.call("join", stream_id)
    first.wait_for_media(stream_id)
    second.wait_for_media(stream_id)


def test_messages_go_by_the_server_and_by_the_data_channel(
    joining: Opens, stream_id: str
) -> None:
    first, second = joining(stream_id), joining(stream_id)
    first.wait_for_media(stream_id)
    second.wait_for_media(stream_id)

    first.call("peerMessage", stream_id, "greeting", {"text": "hello"})
    heard = second.wait_for_call("peerMessageCommand")
    assert (heard["definition"], heard["data"]) == ("greeting", {"text": "hello"})

    for page in (first, second):
        page.wait_for_call("data_channel_opened")
    second.call("sendData", stream_id, "by the channel")
    assert first.wait_for_call("data_received")["data"] == "by the channel"
