"""The commands that begin, change and end publishers and viewers of streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay import control
from relay.control import Failure
from relay.ladder_codecs import offer_ladder
from relay.negotiation import answer_publisher
from relay.publisher import Publisher
from relay.room_viewer import RoomViewer
from relay.sdp import parse_sdp
from relay.stream import Stream
from relay.subscriber import Subscriber
from relay.viewer import Viewer
from relay.viewer_offer import accept_answer, offer_viewer

if TYPE_CHECKING:
    from relay.negotiation import PublisherAgreement
    from relay.router import Router


class Commands:
    """Does for one router what signalling asks; answers come by events."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def handle(self, command: control.Command) -> None:
        match command:
            case control.AcceptOffer():
                self._accept_offer(command)
            case control.CreateOffer():
                self._create_offer(command)
            case control.AcceptAnswer():
                self._accept_answer(command)
            case control.CloseSession():
                self._close_session(command)
            case control.SetTracks():
                self._set_tracks(command)
            case control.ForceQuality():
                self._force_quality(command)
            case control.SendData():
                self._router.data.announce(command)
            case control.EndStream():
                stream = self._router.stream(command.stream)
                if stream is not None:
                    self._router.end_stream(stream, tell_publisher=True)
            case _:
                self._router.rooms.handle(command)

    def _accept_offer(self, command: control.AcceptOffer) -> None:
        known = self._router.peer(command.session)
        if isinstance(known, Publisher):  # the command was repeated
            self._emit_answer(known)
            return
        if self._router.is_full:
            self._router.fail(command.session, command.reply_to, Failure.OVERLOADED)
            return
        publisher = Publisher(
            self._router,
            command.session,
            command.reply_to,
            command.start_timeout_ms,
            command.max_bitrate_bps,
        )
        publisher.tcp_candidates = command.tcp_candidates
        kinds = ("audio",) * command.accept_audio + ("video",) * command.accept_video
        try:
            agreement = answer_publisher(
                parse_sdp(command.sdp),
                self._router.transport(publisher),
                command.video_codecs,
                kinds,
                data_channels=command.data_channels,
            )
        except ValueError:
            publisher.close()
            self._router.fail(
                command.session, command.reply_to, Failure.REMOTE_DESCRIPTION
            )
            return
        stream = self._stream_for(command, agreement)
        stream.cancel_expiry()
        stream.publisher = publisher
        stream.last_session = command.session
        stream.return_window_ms = command.return_window_ms
        self._router.rooms.place(stream, command.room, command.role)
        self._router.add(publisher)
        publisher.attach(stream, agreement)
        self._router.encoders.agree(stream, command)
        offer_ladder(stream, command.encoder_settings)
        publisher.agree_data(agreement.data)
        publisher.begin_handshake(agreement.remote)
        self._emit_answer(publisher)

    def _stream_for(
        self, command: control.AcceptOffer, agreement: PublisherAgreement
    ) -> Stream:
        """The stream that waits for this publisher, or a new one."""
        stream = self._router.stream(command.stream)
        if stream is not None:
            self._replace_publisher(stream)
            if stream.fits(agreement.tracks):
                return stream
            self._router.end_stream(stream, tell_publisher=False)
        stream = Stream(command.stream, agreement.tracks)
        self._router.add_stream(stream)
        return stream

    def _replace_publisher(self, stream: Stream) -> None:
        """The database let another one publish: the old one is history."""
        old, stream.publisher = stream.publisher, None
        if old is not None:
            self._router.remove(old)

    def _emit_answer(self, publisher: Publisher) -> None:
        self._router.emit(
            control.Answered(
                publisher.session,
                publisher.reply_to,
                publisher.answer,
                self._router.candidates_for(publisher),
            )
        )

    def _create_offer(self, command: control.CreateOffer) -> None:
        known = self._router.peer(command.session)
        if isinstance(known, Viewer):
            self._emit_offer(known)
            return
        stream = self._router.stream(command.stream)
        has_any = stream is not None and (stream.tracks or command.data_channels)
        if stream is None or not stream.has_started or not has_any:
            self._router.fail(command.session, command.reply_to, Failure.NO_STREAM)
            return
        if self._router.is_full:
            self._router.fail(command.session, command.reply_to, Failure.OVERLOADED)
            return
        viewer = Viewer(
            self._router,
            command.session,
            command.reply_to,
            command.start_timeout_ms,
            stream,
        )
        viewer.enabled = {"video": command.send_video, "audio": command.send_audio}
        viewer.distribution = command.distribution
        viewer.adaptation.is_adaptive = command.adaptive
        viewer.tcp_candidates = command.tcp_candidates
        viewer.data_offered = command.data_channels
        viewer.offer, viewer.id_mapping = offer_viewer(
            stream.stream_id,
            stream.outgoing(),
            self._router.transport(viewer),
            data_channels=viewer.data_offered,
        )
        self._router.add(viewer)
        stream.viewers[command.session] = viewer
        self._emit_offer(viewer)

    def _emit_offer(self, viewer: Viewer) -> None:
        self._router.emit(
            control.Offered(
                viewer.session,
                viewer.reply_to,
                viewer.offer,
                self._router.candidates_for(viewer),
                viewer.id_mapping,
            )
        )

    def _accept_answer(self, command: control.AcceptAnswer) -> None:
        viewer = self._router.peer(command.session)
        if isinstance(viewer, RoomViewer):
            self._router.rooms.accept_answer(viewer, command.sdp)
            return
        if not isinstance(viewer, Viewer) or viewer.accepted:
            return
        try:
            viewer.agree(
                accept_answer(
                    parse_sdp(command.sdp),
                    viewer.stream.outgoing(),
                    data_channels=viewer.data_offered,
                )
            )
        except ValueError:
            self._router.remove(viewer)
            self._router.fail(
                viewer.session, viewer.reply_to, Failure.REMOTE_DESCRIPTION
            )

    def _set_tracks(self, command: control.SetTracks) -> None:
        viewer = self._router.peer(command.session)
        if isinstance(viewer, RoomViewer):
            viewer.set_tracks(command.track, video=command.video, audio=command.audio)
        elif isinstance(viewer, Viewer) and command.track in (
            "",
            viewer.stream.stream_id,
        ):
            viewer.set_tracks(video=command.video, audio=command.audio)

    def _force_quality(self, command: control.ForceQuality) -> None:
        viewer = self._router.peer(command.session)
        if isinstance(viewer, Subscriber):
            viewer.force_quality(command.track, command.height)

    def _close_session(self, command: control.CloseSession) -> None:
        peer = self._router.peer(command.session)
        if isinstance(peer, Subscriber):
            self._router.remove(peer)
        elif isinstance(peer, Publisher):
            self._router.publisher_gone(peer, park=command.park)
        elif not command.park:
            self._end_waiting_stream(command.session)

    def _end_waiting_stream(self, session: str) -> None:
        """A `stop` that came after its publisher's DTLS goodbye."""
        for stream in self._router.streams():
            if stream.publisher is None and stream.last_session == session:
                self._router.end_stream(stream, tell_publisher=False)
