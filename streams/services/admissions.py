"""The memory of credentials that let a session in (contract T34).

A client that loses its connection presents them again by itself. A one-time token
is used up by then and a code may be too old: they stay good for their holder's
return, which is known by its address and client, and for nobody else. While the
holder's session lives on another socket nobody is let in by it. A client whose
session an operator has ended was told to stay away: nothing is kept for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from streams.models import (
    Admission,
    Application,
    Ending,
    LiveSession,
    SessionState,
)
from streams.services.lookups import find_admissions
from streams.services.records import SocketInfo
from streams.services.store import LostRaceError
from streams.services.text import clean

# Those clients are told `stop`, and do not come back by themselves.
_FOR_GOOD = frozenset({Ending.STOPPED, Ending.BLOCKED, Ending.NOT_ACTIVE})


def digest_of(*credentials: str) -> str:
    """What is remembered of credentials."""
    text = "\0".join(credentials)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def find_admission(
    application: Application,
    role: str,
    stream_id: str,
    digest: str,
    socket: SocketInfo,
    now: datetime,
) -> Admission | None:
    """One that this socket may come back by."""
    remote_ip, user_agent = clean(socket.remote_ip, 64), clean(socket.user_agent, 255)
    for admission in find_admissions(application.pk, stream_id, role, digest):
        in_time = admission.good_until is None or now <= admission.good_until
        same_client = (admission.remote_ip, admission.user_agent) == (
            remote_ip,
            user_agent,
        )
        if in_time and same_client and not _lives_elsewhere(admission, socket):
            return admission
    return None


def _lives_elsewhere(admission: Admission, socket: SocketInfo) -> bool:
    """Asked last and apart: most who are refused have no admission at all."""
    return (
        LiveSession.objects.filter(
            pk=admission.session,
            state__in=(SessionState.PREPARING, SessionState.LIVE),
        )
        .exclude(channel=socket.channel)
        .exists()
    )


def remember(
    application: Application,
    role: str,
    stream_id: str,
    digest: str,
    socket: SocketInfo,
    session: str,
) -> None:
    """`session` was let in by those credentials."""
    Admission.objects.create(
        application=application,
        stream_id=stream_id,
        role=role,
        digest=digest,
        session=session,
        remote_ip=clean(socket.remote_ip, 64),
        user_agent=clean(socket.user_agent, 255),
    )


def take_over(admission: Admission, session: str) -> None:
    """The admission is `session`'s now.

    Raises:
        LostRaceError: another return was first.
    """
    held = Admission.objects.filter(pk=admission.pk, session=admission.session)
    if not held.update(session=session, good_until=None):
        raise LostRaceError


def release(rows: Sequence[LiveSession], now: datetime) -> None:
    """The sessions are lost: from now on their window runs. `application` is loaded.

    One that runs already, since a publisher was parked, is not begun again.
    """
    windows: dict[int, list[str]] = {}
    for_good: list[str] = []
    for row in rows:
        if row.admitted and row.ending in _FOR_GOOD:
            for_good.append(row.pk)
        elif row.admitted:
            windows.setdefault(row.application.return_window_ms, []).append(row.pk)
    for window_ms, sessions in windows.items():
        Admission.objects.filter(session__in=sessions, good_until__isnull=True).update(
            good_until=now + timedelta(milliseconds=window_ms)
        )
    if for_good:
        Admission.objects.filter(session__in=for_good).delete()


def forget_old(now: datetime) -> None:
    """Admissions that nobody can come back by are gone."""
    Admission.objects.filter(good_until__lt=now).delete()
