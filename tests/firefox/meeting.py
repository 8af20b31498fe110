"""A participant of a conference: a page that publishes into a room and plays it."""

from __future__ import annotations

from typing import Protocol

from tests.firefox.firefox import Page
from tests.firefox.sdk import SdkPage

# Track ids are those of idMapping: "ARDAMSv<stream id>", "ARDAMSa<stream id>".
WATCH_TRACKS = """() => {
  window.gone = [];
  window.adaptor.addEventListener((info, obj) => {
    if (info !== "newTrackAvailable") return;
    const {trackId, track, stream} = obj;
    stream.addEventListener("removetrack", (event) => {
      if (event.track === track) window.gone.push(trackId);
    });
  });
}"""
# What came in of each track that the room's last offer names: frames or packets.
READ_RECEIVED = """async (room) => {
  const peer = window.adaptor.remotePeerConnection[room];
  const names = window.adaptor.idMapping[room] ?? {};
  const received = {};
  for (const row of peer ? (await peer.getStats()).values() : [])
    if (row.type === "inbound-rtp" && names[row.mid])
      received[names[row.mid]] =
        (row.kind === "video" ? row.framesDecoded : row.packetsReceived) ?? 0;
  return received;
}"""
HAS_RECEIVED = f"""async (room, goals) => {{
  const received = await ({READ_RECEIVED})(room);
  return Object.entries(goals).every(([id, goal]) => (received[id] ?? 0) >= goal);
}}"""
READ_OFFER = """(room) =>
  window.adaptor.remotePeerConnection[room].remoteDescription.sdp"""
HAS_EVENT = """(kind, key, value) => {
  const event = window.calls.filter((call) => call.info === "data_received")
    .map((call) => JSON.parse(call.obj.data))
    .findLast((event) => event.eventType === kind);
  return event && [event, ...(event.payload ?? [])].some((row) => row[key] === value);
}"""


class Participant:
    """Publishes `stream` into `room`, and plays the room, as conference pages do."""

    def __init__(self, page: SdkPage, room: str, stream: str) -> None:
        self.page = page
        self.room = room
        self.stream = stream

    @property
    def tab(self) -> Page:
        return self.page.page

    def meet(self) -> None:
        """Live in the room; the room plays here, whoever is in it."""
        self.page.start(remoteVideoId=None)
        self.tab.evaluate(WATCH_TRACKS)
        self.tab.evaluate(
            """(room, stream) => {
              window.adaptor.publish(stream, null, null, null, stream, room, "{}");
              window.adaptor.play(room, null, room, []);
            }""",
            self.room,
            self.stream,
        )
        self.page.wait_for_call("publish_started")
        self.page.wait_for_call("play_started")

    def leave(self) -> None:
        """Neither in the room nor watching it any more."""
        self.page.call("stop", self.stream)
        self.page.call("stop", self.room)
        self.page.wait_for_call("publish_finished")
        self.page.wait_for_call("play_finished")

    def received(self) -> dict[str, int]:
        """Frames decoded of each video, packets received of each sound, by track."""
        counted: dict[str, int] = self.tab.evaluate(READ_RECEIVED, self.room)
        return counted

    def wait_for(self, *tracks: str, more: int = 15) -> None:
        """`more` frames or packets of each of these tracks came in."""
        before = self.received()
        goals = {track: before.get(track, 0) + more for track in tracks}
        self.tab.wait_for(HAS_RECEIVED, self.room, goals)

    def wait_for_streams(self, *streams: str) -> None:
        """Pictures and sound of these participants come in."""
        self.wait_for(*(f"ARDAMS{kind}{name}" for name in streams for kind in "av"))

    def wait_until_gone(self, stream: str) -> None:
        """The browser said that the participant's tracks were removed."""
        self.tab.wait_for(
            "(ids) => ids.every((id) => window.gone.includes(id))",
            [f"ARDAMSv{stream}", f"ARDAMSa{stream}"],
        )

    def sections(self) -> int:
        """How many m-lines the room's last offer has."""
        return self.last_offer().count("\r\nm=")

    def last_offer(self) -> str:
        """The SDP of the room's last offer; its `o=` line counts them."""
        return str(self.tab.evaluate(READ_OFFER, self.room))

    def losses(self) -> int:
        """Packets of the room that the browser missed."""
        rows = self.page.statistics(self.room, "inbound-rtp")
        return sum(row["packetsLost"] for row in rows)

    def wait_for_event(self, kind: str, key: str, value: str) -> None:
        """The newest event of that type on the data channel says `value` somewhere.

        `key`: of the event itself, or of the rows of its payload.
        """
        self.tab.wait_for(HAS_EVENT, kind, key, value)


class Meet(Protocol):
    """Brings a participant into the test's room."""

    def __call__(self, stream: str, application: str = "LiveApp") -> Participant: ...
