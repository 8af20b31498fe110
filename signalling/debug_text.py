"""What a client may read of its own sessions, for people (contract 2.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from signalling.session import Attempt
from streams.services.debugging import SessionTimes, StreamMeasures


def describe_attempts(
    stream: str,
    attempts: Sequence[Attempt],
    times: Mapping[str, SessionTimes],
    measures: StreamMeasures | None,
    now: datetime,
) -> str:
    """Lines of text; `stream` is "<application>/<stream id>".

    Without an attempt of the socket's own nothing is said of the stream.
    """
    if not attempts:
        return f"{stream}: this socket has no session with it"
    lines = [f"{stream}, {now:%Y-%m-%d %H:%M:%S} UTC"]
    lines += [
        _attempt(attempt, times.get(attempt.session), now) for attempt in attempts
    ]
    if measures is not None:
        lines += _measures(measures)
    return "\n".join(lines)


def _attempt(attempt: Attempt, times: SessionTimes | None, now: datetime) -> str:
    # The relay's name goes on with that of the machine, which is nobody's business.
    relay = attempt.relay.partition("@")[0]
    parts = [
        f"{attempt.role}: {attempt.phase.name.lower()}",
        f"session {attempt.session}",
        f"relay {relay}",
    ]
    if attempt.room:
        parts.append(f"room {attempt.room}")
    if times is None:
        parts.append("not in the database")
    elif times.started_at is None:
        parts.append(f"begun {_seconds(times.created_at, now)} s ago")
    else:
        parts.append(f"live for {_seconds(times.started_at, now)} s")
    return ", ".join(parts)


def _measures(measures: StreamMeasures) -> list[str]:
    lines = []
    if measures.video_codec:
        lines.append(
            f"video: {measures.video_codec}, {measures.width}x{measures.height}, "
            f"{measures.video_bitrate} bit/s"
        )
    if measures.audio_codec:
        lines.append(f"audio: {measures.audio_codec}, {measures.audio_bitrate} bit/s")
    lines.append(
        f"publisher to server: {measures.packets_lost} packets lost, jitter "
        f"{measures.jitter_ms} ms, round trip {measures.rtt_ms} ms"
    )
    lines.append(f"viewers: {measures.viewers}, participants: {measures.participants}")
    return lines


def _seconds(since: datetime, now: datetime) -> int:
    return max(0, int((now - since).total_seconds()))
