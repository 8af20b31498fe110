"""What relays measure, written to the broadcasts they carry."""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from relay.control import Report, StreamReport
from streams.clock import Clock, to_ms
from streams.models import STREAMING, Broadcast, LiveSession, SessionRole
from streams.services.lookups import Stream, those
from streams.services.nodes import beat


def record_report(report: Report, clock: Clock = timezone.now) -> None:
    """The relay is alive, and its streams' broadcasts show what it measured.

    A stream whose session is not the current publisher any more is left alone.
    """
    now = clock()
    with transaction.atomic():
        beat(report.relay, now)
        if not report.streams:
            return
        publishers = LiveSession.objects.filter(
            pk__in=[stream.session for stream in report.streams],
            role=SessionRole.PUBLISH,
            relay=report.relay,
        ).values_list("pk", "application_id", "stream_id", "room")
        streams = {stream.session: stream for stream in report.streams}
        rooms: set[Stream] = set()
        for session, application_id, stream_id, room in publishers.order_by("pk"):
            if room:
                rooms.add((application_id, room))
            Broadcast.objects.filter(
                application=application_id, stream_id=stream_id
            ).update(
                update_time=to_ms(now),
                media_time=_media_time(streams[session], to_ms(now)),
                **_measured(streams[session]),
            )
        if rooms:  # alive as long as somebody in them is
            rows = Broadcast.objects.filter(those(rooms), status__in=STREAMING)
            rows.update(update_time=to_ms(now))


def _media_time(stream: StreamReport, now_ms: int) -> Case:
    """Now, if more has arrived than the row says; otherwise what it was."""
    return Case(
        When(received_bytes=stream.received_bytes, then=F("media_time")),
        default=Value(now_ms),
    )


def _measured(stream: StreamReport) -> dict[str, object]:
    best = next(iter(stream.renditions), stream)
    seen = best if best.height else stream
    return {
        "bitrate": stream.video_bitrate + stream.audio_bitrate,
        "video_bitrate": stream.video_bitrate,
        "audio_bitrate": stream.audio_bitrate,
        "video_codec": stream.video_codec,
        "audio_codec": stream.audio_codec,
        "width": seen.width,
        "height": seen.height,
        "received_bytes": stream.received_bytes,
        "packets_lost": stream.packets_lost,
        "jitter_ms": stream.jitter_ms,
        "rtt_ms": stream.rtt_ms,
        "renditions": [asdict(rendition) for rendition in stream.renditions],
    }
