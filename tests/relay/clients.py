"""aiortc as publisher and viewer of an in-process relay."""

from __future__ import annotations

import uuid

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from relay import control
from tests.relay.conftest import RunningRelay

CODECS = ("VP8", "H264", "VP9", "AV1")


def new_session() -> str:
    return uuid.uuid4().hex


def new_peer() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def publish(
    relay: RunningRelay,
    stream: str,
    tracks: list[MediaStreamTrack] | None = None,
    session: str = "",
    window_ms: int = 5000,
) -> tuple[str, RTCPeerConnection]:
    """A started publisher: (session, peer connection)."""
    session = session or new_session()
    peer = new_peer()
    for track in tracks or [AudioStreamTrack(), VideoStreamTrack()]:
        peer.addTrack(track)
    await peer.setLocalDescription(await peer.createOffer())
    relay.router.handle(
        control.AcceptOffer(
            session,
            "socket",
            stream,
            peer.localDescription.sdp,
            CODECS,
            8000,
            window_ms,
        )
    )
    answered = await relay.event(control.Answered, session)
    await peer.setRemoteDescription(RTCSessionDescription(answered.sdp, "answer"))
    await relay.event(control.Started, session)
    return session, peer


async def play(relay: RunningRelay, stream: str) -> tuple[str, RTCPeerConnection]:
    """A started viewer: (session, peer connection)."""
    session = new_session()
    peer = new_peer()
    relay.router.handle(control.CreateOffer(session, "socket", stream, 8000))
    offered = await relay.event(control.Offered, session)
    await peer.setRemoteDescription(RTCSessionDescription(offered.sdp, "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    relay.router.handle(control.AcceptAnswer(session, peer.localDescription.sdp))
    await relay.event(control.Started, session)
    return session, peer
