"""Data channels of streams and rooms in Firefox with the unmodified SDK."""

from __future__ import annotations

import json

from tests.firefox.meeting import Meet
from tests.firefox.sdk import Opens, SdkPage

PICTURE_BYTES = 100_000
# Sent as the SDK sends files: a header frame and frames of at most 16,000 bytes.
SEND_BYTES = """(id, size) => {
  const bytes = Uint8Array.from({length: size}, (_, index) => index % 251);
  window.adaptor.sendData(id, bytes.buffer);
}"""
HEARD_BYTES = """(size) => window.heardBytes.some((bytes) =>
  bytes.length === size && bytes.every((byte, index) => byte === index % 251))"""
HEAR_BYTES = """() => {
  window.heardBytes = [];
  window.adaptor.addEventListener((info, obj) => {
    if (info === "data_received" && obj.data instanceof ArrayBuffer)
      window.heardBytes.push(new Uint8Array(obj.data));
  });
}"""


def hears(page: SdkPage, text: str) -> None:
    page.page.wait_for(
        """(text) => window.calls.some((call) =>
             call.info === "data_received" && call.obj.data === text)""",
        text,
    )


def heard(page: SdkPage) -> list[str]:
    """Every message so far, in order."""
    texts: list[str] = page.page.evaluate(
        """() => window.calls.filter((call) => call.info === "data_received")
             .map((call) => call.obj.data)"""
    )
    return texts


def test_publisher_and_viewers_write_to_each_other_once(
    publishing: Opens, playing: Opens, stream_id: str
) -> None:
    publisher = publishing(stream_id)
    viewer, other = playing(stream_id), playing(stream_id)
    for page in (publisher, viewer, other):
        page.wait_for_call("data_channel_opened")

    publisher.call("sendData", stream_id, "to the viewers")
    hears(viewer, "to the viewers")
    hears(other, "to the viewers")

    viewer.call("sendData", stream_id, "to all the others ä")
    hears(publisher, "to all the others ä")
    hears(other, "to all the others ä")
    # What comes twice has come before what was said after it.
    publisher.call("sendData", stream_id, "the end")
    for page in (viewer, other):
        hears(page, "the end")
    assert heard(publisher) == ["to all the others ä"]
    assert heard(viewer) == ["to the viewers", "the end"]
    assert heard(other) == ["to the viewers", "to all the others ä", "the end"]


def test_bytes_arrive_whole_and_in_order(
    publishing: Opens, playing: Opens, stream_id: str
) -> None:
    publisher = publishing(stream_id)
    viewer = playing(stream_id)
    viewer.page.evaluate(HEAR_BYTES)
    for page in (publisher, viewer):
        page.wait_for_call("data_channel_opened")

    publisher.page.evaluate(SEND_BYTES, stream_id, PICTURE_BYTES)

    viewer.page.wait_for(HEARD_BYTES, PICTURE_BYTES)


def test_members_of_a_room_write_to_each_other(meet: Meet, stream_id: str) -> None:
    anna, bert = f"{stream_id}-a", f"{stream_id}-b"
    first, second = meet(anna), meet(bert)
    first.wait_for_streams(bert)
    second.wait_for_streams(anna)
    for member in (first, second):
        member.tab.wait_for(
            """(ids) => ids.every((id) => window.calls.some((call) =>
                 call.info === "data_channel_opened" && call.obj === id))""",
            [member.stream, member.room],
        )
    first.wait_for_event("TRACK_LIST_UPDATED", "streamId", first.room)

    chat = {"eventType": "CHAT_MESSAGE", "message": "hello"}
    first.page.call("sendData", anna, json.dumps(chat))

    second.wait_for_event("CHAT_MESSAGE", "message", "hello")
