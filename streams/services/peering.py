"""Two peers meet in a room, and nobody else (contract 6.1).

The seats are settled by the constraint of one peer per seat: of many that join at
one instant two get in. The media never comes here, so there is neither a relay nor
a broadcast.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from streams.clock import Clock
from streams.models import Application, LiveSession, SessionRole, SessionState
from streams.names import is_stream_id
from streams.policy import AccessDenied, Denial, PeerFacts, decide_peer
from streams.services.audit import write_connected
from streams.services.facts import server_facts
from streams.services.lookups import find_application
from streams.services.nodes import is_dead
from streams.services.records import (
    Load,
    PeerGrant,
    PeerRequest,
    PeerSeat,
    SocketInfo,
)
from streams.services.refusals import notes_refusals
from streams.services.sessions import close_rows
from streams.services.store import LostRaceError, denies_without_store
from streams.services.text import clean

ATTEMPTS = 3
SEATS = (1, 2)


@denies_without_store
@notes_refusals(SessionRole.PEER)
def open_peer(
    request: PeerRequest,
    socket: SocketInfo,
    load: Load,
    relays: Sequence[str],
    clock: Clock = timezone.now,
) -> PeerGrant:
    """The socket's new session has a seat in the room.

    One that it had before is given up. `relays` are not needed.

    Raises:
        AccessDenied: nothing was changed.
    """
    if not is_stream_id(request.stream_id):
        raise AccessDenied(Denial.INVALID_STREAM_ID)
    application = find_application(request.application) or Application()
    for _ in range(ATTEMPTS):
        now = clock()
        rows = _find_peers(application, request.stream_id)
        others = [
            row
            for row in rows
            if row.channel != socket.channel and not is_dead(row, now)
        ]
        decide_peer(PeerFacts(server_facts(application, load, None), len(others)))
        try:
            left = [row for row in rows if row not in others]
            return _sit_down(application, request, socket, others, left, now)
        except (IntegrityError, LostRaceError):
            continue
    raise AccessDenied(Denial.NO_SEAT)


def peers_in(application: str, room: str) -> tuple[PeerSeat, ...]:
    """Who sits there."""
    rows = LiveSession.objects.filter(
        application__name=application, stream_id=room, role=SessionRole.PEER
    ).order_by()
    return tuple(PeerSeat(*row) for row in rows.values_list("pk", "channel"))


def _find_peers(application: Application, stream_id: str) -> list[LiveSession]:
    return list(
        LiveSession.objects.filter(
            application=application.pk, stream_id=stream_id, role=SessionRole.PEER
        ).select_related("node")
    )


def _sit_down(
    application: Application,
    request: PeerRequest,
    socket: SocketInfo,
    others: Sequence[LiveSession],
    left: Sequence[LiveSession],
    now: datetime,
) -> PeerGrant:
    """`left`: this socket's own earlier seat, and those of dead processes."""
    session = uuid.uuid4().hex
    taken = {row.seat for row in others}
    with transaction.atomic():
        _hold(others, left)
        if left:
            close_rows(Q(pk__in=[row.pk for row in left]), now, "replaced")
        row = LiveSession.objects.create(
            id=session,
            application=application,
            stream_id=request.stream_id,
            role=SessionRole.PEER,
            state=SessionState.LIVE,
            seat=min(set(SEATS) - taken),
            mode=clean(request.mode, 8),
            channel=socket.channel,
            node_id=socket.node,
            relay="",
            subscriber_id=clean(request.subscriber_id, 255),
            remote_ip=clean(socket.remote_ip, 64),
            user_agent=clean(socket.user_agent, 255),
            created_at=now,
            started_at=now,
        )
        write_connected(row, now)
    if not others:
        return PeerGrant(session, None, offers=False)
    waiting = others[0]
    # Who waits makes the offer, unless it has nothing to send and the newcomer has.
    return PeerGrant(
        session,
        PeerSeat(waiting.pk, waiting.channel),
        offers=waiting.mode == "play" and request.mode != "play",
    )


def _hold(others: Sequence[LiveSession], left: Sequence[LiveSession]) -> None:
    """Who is there stays until the newcomer's row is there too.

    Otherwise one might sit down beside somebody who is just leaving, and another,
    who finds nobody, on the seat that this frees: two firsts. One lock for all, in
    one order, so that no two joins wait for each other.

    Raises:
        LostRaceError: one of the others has gone.
    """
    if not others:
        return
    keys = [row.pk for row in (*others, *left)]
    rows = LiveSession.objects.filter(pk__in=keys).order_by("pk").select_for_update()
    held = {pk for (pk,) in rows.values_list("pk")}
    if not held.issuperset(row.pk for row in others):
        raise LostRaceError
