"""Participants and viewers of a room by hand, for an in-process relay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from relay import control
from relay.packet import RtpPacket
from relay.room import Room
from relay.room_offer import MAX_SECTIONS
from relay.room_viewer import RoomViewer
from relay.sdp import Media, parse_sdp
from tests.relay.clients import CODECS
from tests.relay.conftest import WAIT_S, RunningRelay, session_of
from tests.relay.raw_peer import KEY_FRAME, RawPeer

ROOM = "LiveApp/room"


def participant_offer(
    peer: RawPeer, stream_id: str, offer: str, **fields: Any
) -> control.AcceptOffer:
    return control.AcceptOffer(
        peer.session,
        "socket",
        f"LiveApp/{stream_id}",
        offer,
        CODECS,
        8000,
        5000,
        **{"room": ROOM, **fields},
    )


async def join(
    relay: RunningRelay,
    stream_id: str,
    *,
    audio: bool = True,
    video: bool = True,
    codec: str = "VP8/90000",
    key_frame: bytes = KEY_FRAME,
    **fields: Any,
) -> RawPeer:
    """A participant that sent its first packet, number 1, of each kind."""
    peer = await RawPeer.open(relay)
    offer = peer.offer(audio=audio, video=video).replace("VP8/90000", codec)
    relay.router.handle(participant_offer(peer, stream_id, offer, **fields))
    answered = await relay.event(control.Answered, peer.session)
    await peer.connect(answered.sdp)
    if video:
        peer.send_video(1, key_frame)
    if audio:
        peer.send_audio(1)
    await relay.event(control.Started, peer.session)
    await peer.check()
    return peer


class RoomClient:
    """A viewer of the room that answers what it is offered when a test says so."""

    def __init__(self, relay: RunningRelay, peer: RawPeer) -> None:
        self.relay = relay
        self.peer = peer
        self.offers: list[control.Offered] = []
        self.changes: list[control.TracksChanged] = []
        self.events: list[dict[str, Any]] = []
        self._said: asyncio.Queue[control.Event] = asyncio.Queue()
        emit = relay.router.emit

        def tee(event: control.Event) -> None:
            if session_of(event) == peer.session:
                self._said.put_nowait(event)
            emit(event)

        relay.router.emit = tee

    @property
    def viewer(self) -> RoomViewer:
        found = self.relay.router.peer(self.peer.session)
        assert isinstance(found, RoomViewer)
        return found

    @property
    def has_heard_all(self) -> bool:
        """Whether nothing more was said to it than it has taken."""
        left = [self._said.get_nowait() for _ in range(self._said.qsize())]
        return not [e for e in left if not isinstance(e, control.Started)]

    @property
    def room(self) -> Room:
        return self.viewer.room

    def command(self, **fields: Any) -> control.CreateRoomOffer:
        wanted: dict[str, Any] = {
            "sees_roles": ("default",),
            "video_codecs": CODECS,
            **fields,
        }
        return control.CreateRoomOffer(
            self.peer.session, "socket", ROOM, 8000, **wanted
        )

    def ask(self, **fields: Any) -> None:
        self.relay.router.handle(self.command(**fields))
        viewer = self.relay.router.peer(self.peer.session)
        if isinstance(viewer, RoomViewer):
            viewer.send_event = self._record  # type: ignore[method-assign]

    def _record(self, event: Any) -> None:
        self.events.append(json.loads(json.dumps(event)))

    def events_of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["eventType"] == kind]

    async def next_offer(self) -> control.Offered:
        """The next offer; what is said of participants before it is kept."""
        while True:
            event = await asyncio.wait_for(self._said.get(), WAIT_S)
            if isinstance(event, control.TracksChanged):
                self.changes.append(event)
            if isinstance(event, control.Offered):
                self.offers.append(event)
                return event

    def answer(
        self,
        offered: control.Offered,
        *,
        refuse: Callable[[Media], bool] = lambda media: False,
    ) -> None:
        sdp = self.peer.answer(offered.sdp, refuse=refuse)
        # As browsers do: no two answers are the same text.
        sdp = sdp.replace("o=- 1 2", f"o=- 1 {len(self.offers) + 1}")
        self.relay.router.handle(control.AcceptAnswer(self.peer.session, sdp))

    async def take_offer(self) -> control.Offered:
        offered = await self.next_offer()
        self.answer(offered)
        return offered

    def media(self, offered: control.Offered | None = None) -> list[Media]:
        text = (offered or self.offers[-1]).sdp
        return list(parse_sdp(text, max_sections=MAX_SECTIONS).media)

    def labels(self) -> set[str]:
        return set(self.offers[-1].id_mapping.values())

    def ssrc_of(self, label: str) -> int:
        """The SSRC under which the last offer has the track."""
        mids = {label: mid for mid, label in self.offers[-1].id_mapping.items()}
        return next(m.ssrcs[0] for m in self.media() if m.mid == mids[label])

    def packets_of(self, label: str) -> list[RtpPacket]:
        ssrc = self.ssrc_of(label)
        return [packet for packet in self.peer.rtp if packet.ssrc == ssrc]


async def ask(relay: RunningRelay, **fields: Any) -> RoomClient:
    """A viewer that asked, and got its first offer if there is one."""
    client = RoomClient(relay, await RawPeer.open(relay))
    client.ask(**fields)
    return client


async def watch(relay: RunningRelay, **fields: Any) -> RoomClient:
    """A started viewer of the room, that has been sent what it starts with."""
    client = await ask(relay, **fields)
    offered = await client.take_offer()
    await client.peer.connect(offered.sdp)
    await relay.event(control.Started, client.peer.session)
    await client.peer.check()
    for received in (client.peer.rtp, client.peer.plain, client.peer.wire):
        received.clear()
    return client
