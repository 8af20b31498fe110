"""A WebRTC client made by hand: STUN, DTLS and SRTP, but no media stack.

It sends exactly the packets that a test wants and keeps all that it gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, cast

import pylibsrtp
from aioice import stun
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import (
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)

from relay import control
from relay.ice import make_credentials
from relay.packet import RtpPacket, build_packet, is_rtcp, parse_packet
from relay.room_offer import MAX_SECTIONS
from relay.rtcp import RtcpPacket, parse_compound
from relay.sdp import Media, parse_sdp
from tests.relay.clients import CODECS, new_session
from tests.relay.conftest import WAIT_S, RunningRelay

P = TypeVar("P", bound=RtcpPacket)
VIDEO_SSRC = 0x11111111
RTX_SSRC = 0x22222222
AUDIO_SSRC = 0x33333333
ABS_SEND_TIME_ID = 2
KEY_FRAME = bytes.fromhex("10 100200 9d012a 4001 f000") + bytes(50)  # VP8, 320x240
DELTA_FRAME = bytes.fromhex("10 110200") + bytes(50)
CERTIFICATE = RTCCertificate.generateCertificate()
FINGERPRINT = next(
    f.value for f in CERTIFICATE.getFingerprints() if f.algorithm == "sha-256"
)

VIDEO_LINES = """\
a=rtpmap:100 VP8/90000
a=rtcp-fb:100 goog-remb
a=rtcp-fb:100 transport-cc
a=rtcp-fb:100 ccm fir
a=rtcp-fb:100 nack
a=rtcp-fb:100 nack pli
a=rtpmap:101 rtx/90000
a=fmtp:101 apt=100
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:5 urn:3gpp:video-orientation
"""
AUDIO_LINES = """\
a=rtpmap:109 opus/48000/2
a=fmtp:109 minptime=10;useinbandfec=1
a=extmap:7 urn:ietf:params:rtp-hdrext:ssrc-audio-level
"""


class _Pipe:
    """The ICE transport that RTCDtlsTransport reads from."""

    role = "controlling"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.datagrams: asyncio.Queue[bytes] = asyncio.Queue()
        self._send_now = send

    async def _recv(self) -> bytes:
        return await self.datagrams.get()

    async def _send(self, data: bytes) -> None:
        self._send_now(data)


class RawPeer(asyncio.DatagramProtocol):
    """One socket of one client. `wire` keeps protected, the others plain packets."""

    def __init__(self, port: int) -> None:
        self.session = new_session()
        self.credentials = make_credentials()
        self.wire: list[bytes] = []
        self.rtp: list[RtpPacket] = []
        self.plain: list[bytes] = []
        self.rtcp: list[RtcpPacket] = []
        self.plain_rtcp: list[bytes] = []
        self.stun: list[stun.Message] = []
        self.dtls: list[bytes] = []
        self.remote_ufrag = self.remote_pwd = ""
        self.relay_address = ("127.0.0.1", port)
        self._fingerprints: tuple[tuple[str, str], ...] = ()
        self._early: list[bytes] = []
        self._changed = asyncio.Event()
        self._pipe = _Pipe(self.send)
        self._dtls: Any = RTCDtlsTransport(cast(Any, self._pipe), [CERTIFICATE])
        self._dtls._set_role("client")
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, relay: RunningRelay) -> RawPeer:
        peer = cls(relay.port)
        loop = asyncio.get_running_loop()
        peer._transport, _ = await loop.create_datagram_endpoint(
            lambda: peer, local_addr=("127.0.0.1", 0)
        )
        relay.on_close(peer.close)
        return peer

    async def close(self) -> None:
        await self._dtls.stop()
        if self._transport is not None:
            self._transport.close()

    @property
    def address(self) -> tuple[str, int]:
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        return host, port

    # -- descriptions ---------------------------------------------------------

    def describe(
        self, sections: list[str], setup: str = "actpass", mids: list[str] | None = None
    ) -> str:
        """A description of complete m-sections without their transport lines."""
        mids = mids or [str(index) for index in range(len(sections))]
        bundle = " ".join(
            mid
            for mid, section in zip(mids, sections, strict=True)
            if section.split()[1] != "0"
        )
        transport = (
            f"a=ice-ufrag:{self.credentials.ufrag}\na=ice-pwd:{self.credentials.pwd}\n"
            f"a=fingerprint:sha-256 {FINGERPRINT}\na=setup:{setup}\na=rtcp-mux\n"
        )
        head = f"v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE {bundle}\n"
        return head + "".join(
            f"{section}a=mid:{mid}\n{transport}"
            for mid, section in zip(mids, sections, strict=True)
        )

    def offer(self, *, audio: bool = True, video: bool = True) -> str:
        sections = []
        if audio:
            sections.append(
                f"m=audio 9 UDP/TLS/RTP/SAVPF 109\na=sendrecv\n{AUDIO_LINES}"
            )
        if video:
            sections.append(
                f"m=video 9 UDP/TLS/RTP/SAVPF 100 101\na=sendrecv\n{VIDEO_LINES}"
            )
        return self.describe(sections)

    def answer(
        self,
        offer: str,
        *,
        rtx: bool = True,
        data: bool = True,
        refuse: Callable[[Media], bool] = lambda media: False,
    ) -> str:
        """Accepts each section of the relay's offer but those to `refuse`."""
        sections, mids = [], []
        for media in parse_sdp(offer, max_sections=MAX_SECTIONS).media:
            mids.append(media.mid)
            formats = " ".join(media.formats)
            if media.port == 0 or refuse(media):
                sections.append(f"m={media.kind} 0 {media.protocol} {formats}\n")
            elif media.kind == "application":
                port = 9 if data else 0
                head = f"m=application {port} {media.protocol} {formats}"
                sections.append(f"{head}\na=sctp-port:5000\n")
            else:
                sections.append(_receive(media, rtx=rtx))
        return self.describe(sections, setup="active", mids=mids)

    def remember(self, description: str) -> None:
        """Take ICE and DTLS of the relay from its description."""
        section = parse_sdp(description).media[0]
        self.remote_ufrag, self.remote_pwd = section.ice_ufrag, section.ice_pwd
        self._fingerprints = section.fingerprints

    # -- network --------------------------------------------------------------

    def send(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data, self.relay_address)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[0] < 4:
            self.stun.append(stun.parse_message(data))
        elif 20 <= data[0] <= 63:
            self.dtls.append(data)
            self._pipe.datagrams.put_nowait(data)
        else:
            self.wire.append(data)
            self._unprotect(data)
        self._changed.set()

    def _unprotect(self, data: bytes) -> None:
        session = self._dtls._rx_srtp
        if session is None:  # it came right behind the handshake's last flight
            self._early.append(data)
            return
        try:
            if is_rtcp(data):
                rtcp = session.unprotect_rtcp(data)
                self.plain_rtcp.append(rtcp)
                self.rtcp += parse_compound(rtcp)
            else:
                plain = session.unprotect(data)
                self.plain.append(plain)
                self.rtp.append(parse_packet(plain))
        except pylibsrtp.Error:  # a replay: `wire` has it
            pass

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a packet makes `condition` true."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def binding_request(self, *, nominate: bool = True, pwd: str = "") -> bytes:
        message = stun.Message(
            stun.Method.BINDING,
            stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self.remote_ufrag}:{self.credentials.ufrag}",
                "PRIORITY": 1,
                "ICE-CONTROLLING": 1,
            },
        )
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((pwd or self.remote_pwd).encode())
        return bytes(message)

    async def check(self, *, nominate: bool = True) -> stun.Message:
        """A connectivity check; what all peers sent before has been forwarded.

        Twice: an answer may leave before the packets of its own wake-up do.
        """
        for _ in range(2):
            known = len(self.stun)
            self.send(self.binding_request(nominate=nominate))
            await self.until(lambda known=known: len(self.stun) > known)  # type: ignore[misc]
        return self.stun[-1]

    async def handshake(self) -> str:
        """Run DTLS; the state it ends in."""
        parameters = RTCDtlsParameters(
            [RTCDtlsFingerprint(*pair) for pair in self._fingerprints]
        )
        async with asyncio.timeout(WAIT_S):
            await self._dtls.start(parameters)
        for data in self._early:
            self._unprotect(data)
        return str(self._dtls.state)

    async def connect(self, description: str) -> None:
        self.remember(description)
        await self.check()
        assert await self.handshake() == "connected"
        await self.check()

    def send_rtp(self, packet: bytes) -> None:
        self.send(self._dtls._tx_srtp.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        self.send(self._dtls._tx_srtp.protect_rtcp(packet))

    def send_video(
        self,
        seq: int,
        payload: bytes = DELTA_FRAME,
        *,
        timestamp: int | None = None,
        ssrc: int = VIDEO_SSRC,
    ) -> None:
        self.send_rtp(
            build_packet(
                payload_type=100,
                marker=True,
                seq=seq & 0xFFFF,
                timestamp=(seq * 3000 if timestamp is None else timestamp) % 2**32,
                ssrc=ssrc,
                extensions=b"",
                payload=payload,
            )
        )

    def send_audio(self, seq: int, payload: bytes = b"opus") -> None:
        self.send_rtp(
            build_packet(
                payload_type=109,
                marker=False,
                seq=seq & 0xFFFF,
                timestamp=(seq * 960) % 2**32,
                ssrc=AUDIO_SSRC,
                extensions=b"",
                payload=payload,
            )
        )

    def rtcp_of(self, kind: type[P]) -> list[P]:
        return [packet for packet in self.rtcp if isinstance(packet, kind)]


def _receive(media: Media, *, rtx: bool) -> str:
    codecs = [c for c in media.codecs if rtx or c.name != "rtx"]
    types = " ".join(str(codec.payload_type) for codec in codecs)
    direction = "inactive" if media.direction == "inactive" else "recvonly"
    lines = [f"m={media.kind} 9 {media.protocol} {types}", f"a={direction}"]
    for codec in codecs:
        lines.append(f"a=rtpmap:{codec.rtpmap()}")
        if codec.fmtp:
            lines.append(f"a=fmtp:{codec.payload_type} {codec.fmtp}")
    return "\n".join(lines) + "\n"


def accept_offer(
    peer: RawPeer, stream: str, offer: str, *, start_timeout_ms: int = 8000
) -> control.AcceptOffer:
    return control.AcceptOffer(
        peer.session, "socket", stream, offer, CODECS, start_timeout_ms, 5000
    )


async def connect_publisher(
    relay: RunningRelay, stream: str, *, audio: bool = True, video: bool = True
) -> RawPeer:
    """A publisher with DTLS done that has not sent anything."""
    peer = await RawPeer.open(relay)
    offer = peer.offer(audio=audio, video=video)
    relay.router.handle(accept_offer(peer, stream, offer))
    answered = await relay.event(control.Answered, peer.session)
    await peer.connect(answered.sdp)
    return peer


async def publish_raw(
    relay: RunningRelay, stream: str, *, audio: bool = True
) -> RawPeer:
    """A publisher that sent one key frame, number 1."""
    peer = await connect_publisher(relay, stream, audio=audio)
    peer.send_video(1, KEY_FRAME)
    await relay.event(control.Started, peer.session)
    return peer


async def play_raw(relay: RunningRelay, stream: str, *, rtx: bool = True) -> RawPeer:
    """A started viewer, that has been sent what it starts with."""
    peer = await RawPeer.open(relay)
    relay.router.handle(control.CreateOffer(peer.session, "socket", stream, 8000))
    offered = await relay.event(control.Offered, peer.session)
    peer.remember(offered.sdp)
    relay.router.handle(
        control.AcceptAnswer(peer.session, peer.answer(offered.sdp, rtx=rtx))
    )
    await peer.connect(offered.sdp)
    await relay.event(control.Started, peer.session)
    await peer.check()
    for received in (peer.rtp, peer.plain, peer.wire):
        received.clear()
    return peer
