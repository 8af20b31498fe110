"""The relay's sessions and streams: commands in, events out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from relay import control
from relay.aiortc_adapter import Certificate
from relay.commands import Commands
from relay.control import CloseReason, Failure
from relay.data_relay import DataRelay
from relay.encoders import Encoders
from relay.ice import Address
from relay.negotiation import Transport
from relay.peer import Peer
from relay.prober import Prober
from relay.process_load import ProcessLoad
from relay.publisher import Publisher
from relay.room_viewer import RoomViewer
from relay.rooms import Rooms
from relay.rounds import Rounds
from relay.silence import tell_silence
from relay.stream import Stream
from relay.stun import binding_response, parse_binding_request
from relay.subscriber import Subscriber
from relay.totals import Totals
from relay.udp import MediaSocket

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
        *,
        tcp_candidates: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.clock = clock
        self.certificate = Certificate.generateCertificate()
        self.candidates = candidates
        self.tcp_candidates = tcp_candidates
        self.malformed_packets = 0
        self._next_malformed_log = 0.0
        self._next_periodic = 0.0
        self._last_report = 0.0
        self._load = ProcessLoad(URGENT_INTERVAL_S, clock)
        self.emit = emit
        self.rooms = Rooms(self)
        self.rounds = Rounds(self)
        self._totals = Totals()
        self.prober = Prober(self)
        self._commands = Commands(self)
        self.data = DataRelay(self)
        self.encoders = Encoders(self)
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
        self._commands.handle(command)

    # -- ends -----------------------------------------------------------------

    def peer_lost(self, peer: Peer, reason: CloseReason) -> None:
        """A peer ended without a command; signalling is told."""
        if self._peers.get(peer.session) is not peer:
            return
        if isinstance(peer, Subscriber):
            self.remove(peer)
        elif isinstance(peer, Publisher):
            self.publisher_gone(peer, park=True)
        self.emit(control.Closed(peer.session, peer.reply_to, reason))

    def publisher_gone(self, publisher: Publisher, *, park: bool) -> None:
        self.remove(publisher)
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
            self.end_stream(stream, tell_publisher=False)

    def _window_passed(self, stream: Stream) -> None:
        stream.expiry = None
        session = stream.last_session
        self.end_stream(stream, tell_publisher=False)
        self.emit(control.StreamEnded(stream.key, session))

    def end_stream(self, stream: Stream, *, tell_publisher: bool) -> None:
        """The stream is gone and its viewers are told and closed."""
        stream.cancel_expiry()
        if self._streams.get(stream.key) is stream:
            del self._streams[stream.key]
        peers: list[Peer] = list(stream.viewers.values())
        stream.viewers.clear()
        stream.release()
        self._totals.stream_ended(stream)
        self.encoders.end(stream)
        self.rooms.remove(stream)
        publisher, stream.publisher = stream.publisher, None
        if publisher is not None:
            if tell_publisher:
                peers.append(publisher)
            else:
                self.remove(publisher)
        for peer in peers:
            self.remove(peer)
            self.emit(
                control.Closed(peer.session, peer.reply_to, CloseReason.STREAM_ENDED)
            )

    async def close(self) -> None:
        """End every stream and peer, saying goodbye."""
        self.rounds.close()
        self.prober.close()
        for stream in self.streams():
            self.end_stream(stream, tell_publisher=True)
        for peer in list(self._peers.values()):  # viewers of rooms
            self.remove(peer)
            ended = CloseReason.STREAM_ENDED
            self.emit(control.Closed(peer.session, peer.reply_to, ended))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.encoders.close()

    # -- peers ----------------------------------------------------------------

    def peer(self, session: str) -> Peer | None:
        return self._peers.get(session)

    def stream(self, key: str) -> Stream | None:
        return self._streams.get(key)

    def streams(self) -> list[Stream]:
        """A snapshot: streams may end while it is walked through."""
        return list(self._streams.values())

    def add_stream(self, stream: Stream) -> None:
        self._streams[stream.key] = stream

    @property
    def is_full(self) -> bool:
        return len(self._peers) >= MAX_PEERS

    def transport(self, peer: Peer) -> Transport:
        return Transport(
            peer.credentials.ufrag,
            peer.credentials.pwd,
            self._fingerprint,
            self.candidates_for(peer),
        )

    def candidates_for(self, peer: Peer) -> tuple[str, ...]:
        """What the peer is told of how to reach this relay."""
        return self.candidates + self.tcp_candidates * peer.tcp_candidates

    def add(self, peer: Peer) -> None:
        self._peers[peer.session] = peer
        self._by_ufrag[peer.credentials.ufrag] = peer

    def remove(self, peer: Peer) -> None:
        if self._peers.get(peer.session) is peer:
            del self._peers[peer.session]
            if isinstance(peer, Publisher):
                self._totals.publisher_ended(peer)
        self._by_ufrag.pop(peer.credentials.ufrag, None)
        for address in peer.addresses:
            self.forget_address(address, peer)
        if isinstance(peer, Publisher):
            self._dirty.discard(peer)
        peer.close()
        if isinstance(peer, RoomViewer):
            self.rooms.sweep(peer.room)

    def fail(self, session: str, reply_to: str, failure: Failure) -> None:
        self.emit(control.Failed(session, reply_to, failure))

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
            if publisher.stream.room is not None:
                publisher.stream.room.changed()
        self.emit(control.Started(publisher.session, publisher.reply_to))

    def viewer_started(self, viewer: Subscriber) -> None:
        self.emit(control.Started(viewer.session, viewer.reply_to))

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
        self.encoders.send_urgent_feedback(stream, self.clock())

    async def run(self) -> None:
        """Feedback, consent and reports, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(URGENT_INTERVAL_S)
            loop.call_soon(self._tick)  # an error there ends one tick, not this

    def _tick(self) -> None:
        self._load.tick()
        now = self.clock()
        for stream in self.streams():
            if stream.publisher is not None:
                stream.publisher.estimate()
            self.send_urgent_feedback(stream)
        self.encoders.tick(now)
        if now >= self._next_periodic:
            self._next_periodic = now + PERIODIC_INTERVAL_S
            self._periodic(now)
        if now >= self._last_report + (
            MIN_REPORT_INTERVAL_S if self._has_new_size() else REPORT_INTERVAL_S
        ):
            self._last_report = now
            self.emit(self.report(now))

    def _has_new_size(self) -> bool:
        """A picture size is reported soon: clients ask for it when they play."""
        return any(
            stream.has_started and stream.size != stream.reported_size
            for stream in self._streams.values()
        )

    def _periodic(self, now: float) -> None:
        for stream in self.streams():
            if stream.publisher is not None:
                stream.publisher.send_periodic_feedback(now)
                tell_silence(stream.publisher, now)
        for peer in list(self._peers.values()):
            if peer.started and peer.consent_lost(now):
                peer.lose()

    def report(self, now: float) -> control.Report:
        streams = [s for s in self._streams.values() if s.has_started]
        load = self._load.sample()
        sends = self._totals.sends(self._streams.values())
        received = self._totals.received(self._streams.values())
        return control.Report(
            self.name,
            tuple(s.report(now) for s in streams),
            len(self._peers),
            cpu_percent=load.cpu_percent,
            lag_ms=load.lag_ms,
            rss_bytes=load.rss_bytes,
            sent_packets=sends.packets,
            sent_bytes=sends.bytes,
            received_packets=received.packets,
            received_bytes=received.bytes,
            dropped_packets=sends.dropped,
            malformed_packets=self.malformed_packets,
        )
