"""The relay's sessions and streams: commands in, events out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from relay import control
from relay.aiortc_adapter import Certificate
from relay.control import CloseReason, Failure
from relay.ice import Address
from relay.negotiation import Transport, accept_answer, answer_publisher, offer_viewer
from relay.peer import Peer
from relay.publisher import Publisher
from relay.sdp import parse_sdp
from relay.stream import Stream
from relay.stun import binding_response, parse_binding_request
from relay.udp import MediaSocket
from relay.viewer import Viewer

MAX_PEERS = 4000
URGENT_INTERVAL_S = 0.25  # also after each burst of the publisher, and at a wish
PERIODIC_INTERVAL_S = 1.0
REPORT_INTERVAL_S = 2.5
MIN_REPORT_INTERVAL_S = 1.0
MALFORMED_LOG_INTERVAL_S = 10.0

logger = logging.getLogger(__name__)

Emit = Callable[[control.Event], None]


class Router:
    """Owns every peer and stream of this relay. One thread, one event loop."""

    def __init__(
        self,
        name: str,
        emit: Emit,
        candidates: tuple[str, ...],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.clock = clock
        self.certificate = Certificate.generateCertificate()
        self.candidates = candidates
        self.malformed_packets = 0
        self._next_malformed_log = 0.0
        self._next_periodic = 0.0
        self._last_report = 0.0
        self._emit = emit
        self._fingerprint = self.certificate.sha256_fingerprint
        self._peers: dict[str, Peer] = {}
        self._by_ufrag: dict[str, Peer] = {}
        self._by_address: dict[Address, Peer] = {}
        self._streams: dict[str, Stream] = {}
        self._dirty: set[Publisher] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- commands -------------------------------------------------------------

    def handle(self, command: control.Command) -> None:
        """Do what signalling asks; answers come by events."""
        match command:
            case control.AcceptOffer():
                self._accept_offer(command)
            case control.CreateOffer():
                self._create_offer(command)
            case control.AcceptAnswer():
                self._accept_answer(command)
            case control.CloseSession():
                self._close_session(command)
            case control.EndStream():
                stream = self._streams.get(command.stream)
                if stream is not None:
                    self._end_stream(stream, tell_publisher=True)

    def _accept_offer(self, command: control.AcceptOffer) -> None:
        known = self._peers.get(command.session)
        if isinstance(known, Publisher):  # the command was repeated
            self._emit_answer(known)
            return
        if len(self._peers) >= MAX_PEERS:
            self._fail(command.session, command.reply_to, Failure.OVERLOADED)
            return
        publisher = Publisher(
            self,
            command.session,
            command.reply_to,
            command.start_timeout_ms,
            command.max_bitrate_bps,
        )
        kinds = ("audio",) * command.accept_audio + ("video",) * command.accept_video
        try:
            agreement = answer_publisher(
                parse_sdp(command.sdp),
                self._transport(publisher),
                command.video_codecs,
                kinds,
            )
        except ValueError:
            publisher.close()
            self._fail(command.session, command.reply_to, Failure.REMOTE_DESCRIPTION)
            return
        stream = self._streams.get(command.stream)
        if stream is not None:
            self._replace_publisher(stream)
            if not stream.fits(agreement.tracks):
                self._end_stream(stream, tell_publisher=False)
                stream = None
        if stream is None:
            stream = Stream(command.stream, agreement.tracks)
            self._streams[command.stream] = stream
        stream.cancel_expiry()
        stream.publisher = publisher
        stream.last_session = command.session
        stream.return_window_ms = command.return_window_ms
        self._add(publisher)
        publisher.attach(stream, agreement)
        publisher.begin_handshake(agreement.remote)
        self._emit_answer(publisher)

    def _replace_publisher(self, stream: Stream) -> None:
        """The database let another one publish: the old one is history."""
        old, stream.publisher = stream.publisher, None
        if old is not None:
            self._remove(old)

    def _emit_answer(self, publisher: Publisher) -> None:
        self._emit(
            control.Answered(
                publisher.session,
                publisher.reply_to,
                publisher.answer,
                self.candidates,
            )
        )

    def _create_offer(self, command: control.CreateOffer) -> None:
        known = self._peers.get(command.session)
        if isinstance(known, Viewer):
            self._emit_offer(known)
            return
        stream = self._streams.get(command.stream)
        if stream is None or not stream.has_started:
            self._fail(command.session, command.reply_to, Failure.NO_STREAM)
            return
        if len(self._peers) >= MAX_PEERS:
            self._fail(command.session, command.reply_to, Failure.OVERLOADED)
            return
        viewer = Viewer(
            self, command.session, command.reply_to, command.start_timeout_ms, stream
        )
        viewer.offer, viewer.id_mapping = offer_viewer(
            stream.stream_id, stream.outgoing(), self._transport(viewer)
        )
        self._add(viewer)
        stream.viewers[command.session] = viewer
        self._emit_offer(viewer)

    def _emit_offer(self, viewer: Viewer) -> None:
        self._emit(
            control.Offered(
                viewer.session,
                viewer.reply_to,
                viewer.offer,
                self.candidates,
                viewer.id_mapping,
            )
        )

    def _accept_answer(self, command: control.AcceptAnswer) -> None:
        viewer = self._peers.get(command.session)
        if not isinstance(viewer, Viewer) or viewer.accepted:
            return
        try:
            viewer.agree(
                accept_answer(parse_sdp(command.sdp), viewer.stream.outgoing())
            )
        except ValueError:
            viewer.stream.detach(viewer)
            self._remove(viewer)
            self._fail(viewer.session, viewer.reply_to, Failure.REMOTE_DESCRIPTION)

    def _close_session(self, command: control.CloseSession) -> None:
        peer = self._peers.get(command.session)
        if isinstance(peer, Viewer):
            peer.stream.detach(peer)
            self._remove(peer)
        elif isinstance(peer, Publisher):
            self._publisher_gone(peer, park=command.park)
        elif not command.park:
            self._end_waiting_stream(command.session)

    def _end_waiting_stream(self, session: str) -> None:
        """A `stop` that came after its publisher's DTLS goodbye."""
        for stream in list(self._streams.values()):
            if stream.publisher is None and stream.last_session == session:
                self._end_stream(stream, tell_publisher=False)

    # -- ends -----------------------------------------------------------------

    def peer_lost(self, peer: Peer, reason: CloseReason) -> None:
        """A peer ended without a command; signalling is told."""
        if self._peers.get(peer.session) is not peer:
            return
        if isinstance(peer, Viewer):
            peer.stream.detach(peer)
            self._remove(peer)
        elif isinstance(peer, Publisher):
            self._publisher_gone(peer, park=True)
        self._emit(control.Closed(peer.session, peer.reply_to, reason))

    def _publisher_gone(self, publisher: Publisher, *, park: bool) -> None:
        self._remove(publisher)
        stream = publisher.stream
        if stream is None or stream.publisher is not publisher:
            return
        stream.publisher = None
        if park and stream.has_started:
            stream.cancel_expiry()
            stream.expiry = asyncio.get_running_loop().call_later(
                stream.return_window_ms / 1000, self._window_passed, stream
            )
        else:
            self._end_stream(stream, tell_publisher=False)

    def _window_passed(self, stream: Stream) -> None:
        stream.expiry = None
        session = stream.last_session
        self._end_stream(stream, tell_publisher=False)
        self._emit(control.StreamEnded(stream.key, session))

    def _end_stream(self, stream: Stream, *, tell_publisher: bool) -> None:
        """The stream is gone and its viewers are told and closed."""
        stream.cancel_expiry()
        if self._streams.get(stream.key) is stream:
            del self._streams[stream.key]
        peers: list[Peer] = list(stream.viewers.values())
        stream.viewers.clear()
        stream.retarget()  # nothing may be sent by an SRTP session that is freed
        publisher, stream.publisher = stream.publisher, None
        if publisher is not None:
            if tell_publisher:
                peers.append(publisher)
            else:
                self._remove(publisher)
        for peer in peers:
            self._remove(peer)
            self._emit(
                control.Closed(peer.session, peer.reply_to, CloseReason.STREAM_ENDED)
            )

    async def close(self) -> None:
        """End every stream and peer, saying goodbye."""
        for stream in list(self._streams.values()):
            self._end_stream(stream, tell_publisher=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- peers ----------------------------------------------------------------

    def _transport(self, peer: Peer) -> Transport:
        return Transport(
            peer.credentials.ufrag,
            peer.credentials.pwd,
            self._fingerprint,
            self.candidates,
        )

    def _add(self, peer: Peer) -> None:
        self._peers[peer.session] = peer
        self._by_ufrag[peer.credentials.ufrag] = peer

    def _remove(self, peer: Peer) -> None:
        if self._peers.get(peer.session) is peer:
            del self._peers[peer.session]
        self._by_ufrag.pop(peer.credentials.ufrag, None)
        for address in peer.addresses:
            self.forget_address(address, peer)
        if isinstance(peer, Publisher):
            self._dirty.discard(peer)
        peer.close()

    def _fail(self, session: str, reply_to: str, failure: Failure) -> None:
        self._emit(control.Failed(session, reply_to, failure))

    def remember_address(self, address: Address, peer: Peer) -> None:
        """Datagrams from `address` are the peer's from now on."""
        self._by_address[address] = peer

    def forget_address(self, address: Address, peer: Peer) -> None:
        if self._by_address.get(address) is peer:
            del self._by_address[address]

    def publisher_started(self, publisher: Publisher) -> None:
        publisher.mark_started()
        if publisher.stream is not None:
            publisher.stream.has_started = True
        self._emit(control.Started(publisher.session, publisher.reply_to))

    def viewer_started(self, viewer: Viewer) -> None:
        self._emit(control.Started(viewer.session, viewer.reply_to))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a short clean-up; the router owns the task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def count_malformed(self) -> None:
        """Count a packet nobody can read; the log hears of it now and then."""
        self.malformed_packets += 1
        now = self.clock()
        if now >= self._next_malformed_log:
            self._next_malformed_log = now + MALFORMED_LOG_INTERVAL_S
            logger.warning("malformed packets so far: %d", self.malformed_packets)

    # -- network --------------------------------------------------------------

    def receive_stun(self, sock: MediaSocket, data: bytes, source: Address) -> None:
        """Answer a binding request that is signed with a peer's password."""
        try:
            request = parse_binding_request(data)
        except ValueError:
            self.count_malformed()
            return
        peer = self._by_ufrag.get(request.local_ufrag)
        if peer is None or not request.is_signed_with(peer.credentials.pwd):
            return
        if peer.is_replay(request.transaction_id, source):
            return
        sock.send(binding_response(request, source, peer.credentials.pwd), source)
        peer.validated(sock, source, nominated=request.nominates)

    def receive_dtls(self, data: bytes, source: Address) -> None:
        peer = self._by_address.get(source)
        if peer is not None:
            peer.receive_dtls(data)

    def receive_srtp(self, data: bytes, source: Address) -> None:
        peer = self._by_address.get(source)
        if peer is not None:
            peer.receive_srtp(data)

    def mark_dirty(self, publisher: Publisher) -> None:
        self._dirty.add(publisher)

    def flush(self) -> None:
        """Forward what this wake-up brought, each track once."""
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, set()
        now = self.clock()
        for publisher in dirty:
            if publisher.stream is not None:
                publisher.stream.flush(now)
                publisher.send_urgent_feedback(now)

    # -- time -----------------------------------------------------------------

    def send_urgent_feedback(self, stream: Stream) -> None:
        if stream.publisher is not None:
            stream.publisher.send_urgent_feedback(self.clock())

    async def run(self) -> None:
        """Feedback, consent and reports, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(URGENT_INTERVAL_S)
            loop.call_soon(self._tick)  # an error there ends one tick, not this

    def _tick(self) -> None:
        now = self.clock()
        for stream in list(self._streams.values()):
            if stream.publisher is not None:
                stream.publisher.estimate()
            self.send_urgent_feedback(stream)
        if now >= self._next_periodic:
            self._next_periodic = now + PERIODIC_INTERVAL_S
            self._periodic(now)
        if now >= self._last_report + (
            MIN_REPORT_INTERVAL_S if self._has_new_size() else REPORT_INTERVAL_S
        ):
            self._last_report = now
            self._emit(self.report(now))

    def _has_new_size(self) -> bool:
        """A picture size is reported soon: clients ask for it when they play."""
        return any(
            stream.has_started and stream.size != stream.reported_size
            for stream in self._streams.values()
        )

    def _periodic(self, now: float) -> None:
        for stream in list(self._streams.values()):
            if stream.publisher is not None:
                stream.publisher.send_periodic_feedback(now)
        for peer in list(self._peers.values()):
            if peer.started and peer.consent_lost(now):
                peer.lose()

    def report(self, now: float) -> control.Report:
        streams = [s for s in self._streams.values() if s.has_started]
        return control.Report(
            self.name, tuple(s.report(now) for s in streams), len(self._peers)
        )
