"""Processes that own sessions: their heartbeats, their ends, and the sweep."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta

import psutil
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from streams.clock import Clock
from streams.models import DEAD_AFTER, LiveSession, Node, NodeKind, SessionState
from streams.services.records import LostSession
from streams.services.sessions import as_lost, close_rows

GAP = DEAD_AFTER / 2  # between heartbeats of a process that has had no trouble
OVERDUE = timedelta(seconds=5)  # a return window whose end nobody has reported
FORGET_AFTER = timedelta(days=1)  # rows of dead processes, for operators to see
PROCESS_ENDED = "process_ended"  # for the audit
PID_REUSE_MARGIN_S = 2.0  # process start times are known to about a second


def register_node(name: str, kind: str, clock: Clock = timezone.now) -> None:
    """The process is alive; sessions of an earlier life under its name are closed.

    `kind`: "asgi" for the calling process, or "relay" for a child of it that has
    just started. Sessions that the calling process has opened already are kept.
    """
    now = clock()
    earlier = _sessions_of(name, kind)
    if kind == NodeKind.ASGI:
        born_at = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
        earlier &= Q(created_at__lt=born_at)
    close_rows(earlier, now, PROCESS_ENDED)
    _write_node(name, kind, now)


def heartbeat(name: str, clock: Clock = timezone.now) -> None:
    """The ASGI process is alive now, even if its row had been missing.

    A gap since its last heartbeat is kept in `resumed_at`: whatever held this
    process up, the database most likely, held others up too.
    """
    now = clock()
    if not beat(name, now):
        _write_node(name, NodeKind.ASGI, now)


def beat(name: str, now: datetime) -> bool:
    """Whether there was a row to keep alive."""
    return bool(
        Node.objects.filter(pk=name).update(
            heartbeat_at=now,
            resumed_at=Case(
                When(heartbeat_at__lt=now - GAP, then=Value(now)),
                default=F("resumed_at"),
            ),
            closed=False,
        )
    )


def close_node(name: str, clock: Clock = timezone.now) -> None:
    """The process stops in order: its sessions, and its relays', are closed."""
    now = clock()
    for node in Node.objects.filter(
        Q(pk=name)
        | Q(
            kind=NodeKind.RELAY,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            pid_namespace=_pid_namespace(),
        )
    ):
        _bury(node, now)


def sweep_dead_nodes(now: datetime | None = None) -> list[LostSession]:
    """No session belongs to a dead process, and none waits past its window."""
    now = now or timezone.now()
    rows: list[LiveSession] = []
    nodes = list(Node.objects.filter(closed=False))
    held_up = _was_held_up(nodes, now)
    for node in nodes:
        silent = node.heartbeat_at < now - DEAD_AFTER
        if _has_ended(node) or (silent and not held_up):
            rows += _bury(node, now)
    rows += close_rows(_overdue(now), now, "not_returned")
    Node.objects.filter(closed=True, heartbeat_at__lt=now - FORGET_AFTER).delete()
    return as_lost(rows)


def is_dead(row: LiveSession, now: datetime) -> bool:
    """Whether the process behind a session's socket is gone. `row.node` is loaded."""
    if row.node is None:
        return row.created_at < now - DEAD_AFTER
    if row.node.closed or _has_ended(row.node):
        return True
    if row.node.heartbeat_at >= now - DEAD_AFTER:
        return False
    return not _was_held_up(list(Node.objects.filter(closed=False)), now)


def _was_held_up(nodes: list[Node], now: datetime) -> bool:
    """Whether a live process has just come back from a gap: silence means little."""
    recently = now - DEAD_AFTER
    return any(
        node.resumed_at is not None
        and node.resumed_at >= recently
        and node.heartbeat_at >= recently
        for node in nodes
    )


def _is_foreign(node: Node) -> bool:
    """Whether its pid says nothing here: another host, or another container."""
    return node.hostname != socket.gethostname() or node.pid_namespace not in (
        "",
        _pid_namespace(),
    )


def _has_ended(node: Node) -> bool:
    """Whether a process of this host is gone, its pid perhaps another's by now."""
    if _is_foreign(node):
        return False
    try:
        born_at = psutil.Process(node.pid).create_time()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    return born_at > node.started_at.timestamp() + PID_REUSE_MARGIN_S


def _pid_namespace() -> str:
    """What tells containers that share a host name apart; "" where unknown."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _write_node(name: str, kind: str, now: datetime) -> None:
    Node.objects.update_or_create(
        name=name,
        defaults={
            "kind": kind,
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "pid_namespace": _pid_namespace(),
            "started_at": now,
            "heartbeat_at": now,
            "resumed_at": None,
            "closed": False,
        },
    )


def _sessions_of(name: str, kind: str) -> Q:
    return Q(relay=name) if kind == NodeKind.RELAY else Q(node=name)


def _overdue(now: datetime) -> Q:
    """Parked past their window, or of a process that never came to register.

    `kind` asks for the row of the node; its key would only ask for the name of it.
    """
    return Q(state=SessionState.PARKED, parked_until__lt=now - OVERDUE) | Q(
        node__kind__isnull=True, created_at__lt=now - DEAD_AFTER
    )


def _bury(node: Node, now: datetime) -> list[LiveSession]:
    rows = close_rows(_sessions_of(node.pk, node.kind), now, PROCESS_ENDED)
    Node.objects.filter(pk=node.pk).update(closed=True)
    return rows
