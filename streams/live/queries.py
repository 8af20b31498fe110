"""The rows behind a snapshot: five queries, however many streams there are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, F, IntegerField, Sum
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.live.history import SLOT_MS, SLOTS
from streams.live.snapshot import Refused, RelayLine, Sample, StreamLine, Totals
from streams.measured import measured
from streams.models import (
    DEAD_AFTER,
    Broadcast,
    ConnectionEvent,
    EventType,
    LiveSession,
    Node,
    NodeKind,
    SessionRole,
    SessionState,
)
from streams.overview import with_live_state, with_publisher
from streams.services.relays import relay_key

MAX_STREAMS = 200
_PAST = timedelta(milliseconds=SLOTS * SLOT_MS)


def read_sample(clock: Clock = timezone.now) -> Sample:
    """What the rows say now. Raises Django's DatabaseError."""
    now = clock()
    streams = _streams()
    sessions = _session_counts()
    publishers = sum(sessions.get((SessionRole.PUBLISH, s), 0) for s in SessionState)
    alive = dict(
        Node.objects.filter(closed=False, heartbeat_at__gte=now - DEAD_AFTER)
        .order_by()
        .values_list("kind")
        .annotate(Count("pk"))
    )
    relays = _relays()
    return Sample(
        at_ms=to_ms(now),
        streams=streams,
        left_out=max(0, publishers - len(streams)),
        totals=Totals(
            publishers=sessions.get((SessionRole.PUBLISH, SessionState.LIVE), 0),
            viewers=sessions.get((SessionRole.PLAY, SessionState.LIVE), 0),
            incoming=_incoming(),
            outgoing=sum(relay.outgoing for relay in relays),
            relays=alive.get(NodeKind.RELAY, 0),
            web=alive.get(NodeKind.ASGI, 0),
        ),
        refused=_refused(to_ms(now - _PAST)),
        relays=relays,
    )


def _streams() -> tuple[StreamLine, ...]:
    """Those with a publisher, connected or not, the most watched first.

    Ties are settled by name and not by bitrate: lines that changed places with
    every report could not be read.
    """
    published: Any = with_live_state(with_publisher(Broadcast.objects.all()))
    rows = published.order_by("-viewers", "application__name", "stream_id").values(
        "pk",
        "application__name",
        "stream_id",
        "name",
        "live_state",
        "live_since",
        "viewers",
        "bitrate",
        "width",
        "height",
        "video_codec",
        "audio_codec",
    )
    return tuple(_line(row) for row in rows[:MAX_STREAMS])


def _line(row: dict[str, Any]) -> StreamLine:
    live = row["live_state"] == SessionState.LIVE
    key = relay_key(row["application__name"], row["stream_id"])
    measure = measured.stream(key) if live else None
    return StreamLine(
        key=row["pk"],
        application=row["application__name"],
        stream=row["stream_id"],
        name=row["name"],
        state=row["live_state"],
        since=to_ms(row["live_since"]) if row["live_since"] else 0,
        viewers=row["viewers"],
        bitrate=row["bitrate"] if live else 0,
        width=row["width"],
        height=row["height"],
        codecs=", ".join(filter(None, (row["video_codec"], row["audio_codec"]))),
        loss=measure.loss if measure else None,
        rtt=measure.report.rtt_ms or None if measure else None,
    )


def _relays() -> tuple[RelayLine, ...]:
    found = sorted(measured.relays().items())
    return tuple(
        RelayLine(
            name=name.partition("@")[0],
            busy=relay.busy,
            streams=len(relay.report.streams),
            peers=relay.report.peers,
            cpu=relay.report.cpu_percent / 100,
            lag=relay.report.lag_ms,
            memory=relay.report.rss_bytes,
            outgoing=relay.outgoing,
        )
        for name, relay in found
    )


def _incoming() -> int:
    """Of all live streams, in bit/s."""
    live = with_publisher(Broadcast.objects.all(), SessionState.LIVE)
    return live.aggregate(incoming=Sum("bitrate"))["incoming"] or 0


def _session_counts() -> dict[tuple[str, str], int]:
    counted = (
        LiveSession.objects.order_by()
        .values_list("role", "state")
        .annotate(count=Count("pk"))
    )
    return {(role, state): count for role, state, count in counted}


def _refused(since_ms: int) -> tuple[Refused, ...]:
    """Summed by the database: a storm of refusals is not read row by row."""
    counted = (
        ConnectionEvent.objects.filter(
            event_type=EventType.REFUSED, timestamp__gte=since_ms
        )
        .order_by()
        .annotate(slot=F("timestamp") / SLOT_MS)
        .values_list("slot", "reason")
        .annotate(total=Sum("count", output_field=IntegerField()))
    )
    return tuple(Refused(slot, reason, total) for slot, reason, total in counted)
