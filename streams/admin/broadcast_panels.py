"""What a broadcast's page shows around its form: sessions, tokens, subscribers.

Tokens and subscribers know the stream by its id, so they are no inlines of Django's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from streams.admin.links import add_page_of, list_of, token_path
from streams.admin.measure_cells import (
    MEASURE_COLUMNS,
    publisher_cells,
    unmeasured,
    viewer_cells,
)
from streams.admin.states import badge, since, state_badge
from streams.admin.subscribers import word_block
from streams.admin.tokens import masked
from streams.clock import from_s
from streams.forms import BlockForm, MakeTokenForm
from streams.measured import measured
from streams.models import (
    Broadcast,
    ConnectionEvent,
    LiveSession,
    SessionRole,
    Subscriber,
    Token,
)
from streams.overview import sessions_of, with_connections
from streams.services.relays import relay_key
from streams.wording import word_bitrate

MAX_SESSIONS_SHOWN = 100
MAX_ROWS_SHOWN = 50
# A name, what it means in full, and how the cells look.
COLUMNS = (
    ("Role", "", ""),
    ("State", "", ""),
    ("Since (UTC)", "", ""),
    ("Address", "", ""),
    *((name, title, "number") for name, title in MEASURE_COLUMNS),
    ("Subscriber", "", ""),
    ("Client", "", ""),
)


@dataclass(frozen=True, slots=True)
class TokenRow:
    text: str
    path: str  # "" for those who may not use it
    type: str
    room: str
    expires: datetime
    is_valid: bool
    change_url: str
    delete_url: str


@dataclass(frozen=True, slots=True)
class SubscriberRow:
    subscriber_id: str
    name: str
    type: str
    connections: int
    limit: int
    block: str
    change_url: str
    delete_url: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A table of rows of another model, and what this operator may do there."""

    rows: Sequence[Any]
    has_more: bool
    may_add: bool
    may_change: bool
    may_delete: bool
    add_url: str
    list_url: str
    form: Any


def token_panel(site: Any, request: HttpRequest, broadcast: Broadcast) -> Panel | None:
    """None for those who may not see tokens."""
    admin = site.get_model_admin(Token)
    if not admin.has_view_or_change_permission(request):
        return None
    tokens = Token.objects.filter(**_stream(broadcast)).select_related("application")
    found = list(tokens[: MAX_ROWS_SHOWN + 1])
    may_use = admin.has_change_permission(request)
    return _panel(
        admin,
        request,
        broadcast,
        [_token_row(token, may_use=may_use) for token in found],
        MakeTokenForm(),
    )


def subscriber_panel(
    site: Any, request: HttpRequest, broadcast: Broadcast
) -> Panel | None:
    """None for those who may not see subscribers."""
    admin = site.get_model_admin(Subscriber)
    if not admin.has_view_or_change_permission(request):
        return None
    subscribers = with_connections(Subscriber.objects.filter(**_stream(broadcast)))
    found = list(subscribers[: MAX_ROWS_SHOWN + 1])
    return _panel(
        admin,
        request,
        broadcast,
        [_subscriber_row(subscriber) for subscriber in found],
        BlockForm(),
    )


def events_of(site: Any, request: HttpRequest, broadcast: Broadcast) -> str:
    """The list of who came, went and was refused; "" for those who may not see it."""
    admin = site.get_model_admin(ConnectionEvent)
    if not admin.has_view_or_change_permission(request):
        return ""
    return _list_for(ConnectionEvent, broadcast)


def known_subscribers(broadcast: Broadcast) -> list[str]:
    """Ids of those who are connected, for the block form to offer."""
    names = sessions_of(broadcast).exclude(subscriber_id="").order_by("subscriber_id")
    return list(
        names.values_list("subscriber_id", flat=True).distinct()[:MAX_ROWS_SHOWN]
    )


def session_table(broadcast: Broadcast) -> SafeString | str:
    """Who publishes and plays it now."""
    rows = list(sessions_of(broadcast)[: MAX_SESSIONS_SHOWN + 1])
    if not rows:
        return "Nobody publishes or plays it now."
    cells = "".join('<td class="number">{}</td>' for _ in MEASURE_COLUMNS)
    body = format_html_join(
        "",
        f"<tr><td>{{}}</td><td>{{}}</td><td>{{}}</td><td>{{}}</td>{cells}<td>{{}}</td>"
        '<td class="agent" title="{}">{}</td></tr>',
        _rows(broadcast, rows[:MAX_SESSIONS_SHOWN]),
    )
    more = "… and more" if len(rows) > MAX_SESSIONS_SHOWN else ""
    return format_html(
        '<div class="sessions"><table><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table>{}</div>",
        format_html_join("", '<th title="{1}" class="{2}">{0}</th>', COLUMNS),
        body,
        more,
    )


def _stream(broadcast: Broadcast) -> dict[str, Any]:
    return {
        "application": broadcast.application_id,
        "stream_id": broadcast.stream_id,
    }


def _panel(
    admin: Any,
    request: HttpRequest,
    broadcast: Broadcast,
    rows: list[Any],
    form: Any,
) -> Panel:
    return Panel(
        rows=rows[:MAX_ROWS_SHOWN],
        has_more=len(rows) > MAX_ROWS_SHOWN,
        may_add=admin.has_add_permission(request),
        may_change=admin.has_change_permission(request),
        may_delete=admin.has_delete_permission(request),
        add_url=add_page_of(admin.model, **_stream(broadcast)),
        list_url=_list_for(admin.model, broadcast),
        form=form,
    )


def _list_for(model: type[Model], broadcast: Broadcast) -> str:
    return list_of(
        model,
        application__id__exact=broadcast.application_id,
        stream_id=broadcast.stream_id,
    )


def _token_row(token: Token, *, may_use: bool) -> TokenRow:
    return TokenRow(
        text=token.token_id if may_use else masked(token),
        path=token_path(token) if may_use else "",
        type=token.get_type_display(),
        room=token.room_id,
        expires=timezone.localtime(from_s(token.expire_date)),
        is_valid=token.expire_date > timezone.now().timestamp(),
        change_url=_url(token, "change"),
        delete_url=_url(token, "delete"),
    )


def _subscriber_row(subscriber: Subscriber) -> SubscriberRow:
    return SubscriberRow(
        subscriber_id=subscriber.subscriber_id,
        name=subscriber.subscriber_name,
        type=subscriber.get_type_display(),
        connections=subscriber.connections,  # type: ignore[attr-defined]  # annotated
        limit=subscriber.concurrent_connections_limit,
        block=word_block(subscriber),
        change_url=_url(subscriber, "change"),
        delete_url=_url(subscriber, "delete"),
    )


def _url(row: Model, action: str) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{action}"
    return reverse(name, args=[quote(row.pk)])


def _rows(
    broadcast: Broadcast, rows: Sequence[LiveSession]
) -> Iterator[tuple[Any, ...]]:
    viewers = measured.viewers(row.pk for row in rows)
    key = relay_key(broadcast.application.name, broadcast.stream_id)
    stream = measured.stream(key)
    for row in rows:
        if row.role != SessionRole.PUBLISH:
            cells = viewer_cells(viewers.get(row.pk))
        elif stream is not None and stream.report.session == row.pk:
            cells = publisher_cells(stream)
        else:  # connecting, or on a relay of another process
            cells = unmeasured(word_bitrate(broadcast.bitrate))
        yield _cells(row, cells)


def _cells(row: LiveSession, measures: tuple[str, ...]) -> tuple[Any, ...]:
    return (
        row.get_role_display(),
        badge("dead", "ending") if row.ending else state_badge(row.state, ""),
        since(row.started_at or row.created_at),
        row.remote_ip or "-",
        *measures,
        row.subscriber_id or "-",
        row.user_agent,
        row.viewer_info or row.user_agent or "-",
    )
