"""Who came, went and was refused, and what was posted to webhooks."""

from __future__ import annotations

import json
from datetime import timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from streams.admin.event_filters import EventDayFilter, EventTimeFilter, ReasonFilter
from streams.admin.readonly import ReadOnlyAdmin
from streams.admin.states import badge, in_two_lines, in_zone, since
from streams.clock import from_ms
from streams.models import (
    ConnectionEvent,
    DeliveryState,
    EventType,
    WebhookDelivery,
)
from streams.services.webhooks import try_again
from streams.wording import word_duration

EVENT_BADGES = {
    EventType.CONNECTED: "good",
    EventType.DISCONNECTED: "none",
    EventType.REFUSED: "dead",
}
DELIVERY_BADGES = {
    DeliveryState.WAITING: "preparing",
    DeliveryState.DELIVERED: "good",
    DeliveryState.FAILED: "dead",
}


@admin.register(ConnectionEvent)
class ConnectionEventAdmin(ReadOnlyAdmin[ConnectionEvent]):
    list_display = (
        "when",
        "shown_event",
        "type",
        "stream_id",
        "application",
        "subscriber_id",
        "remote_ip",
        "reason",
        "count",
        "lasted",
    )
    list_filter = (
        "event_type",
        "type",
        EventTimeFilter,
        EventDayFilter,
        ReasonFilter,
        "application",
    )
    list_select_related = ("application",)
    list_per_page = 50
    show_full_result_count = False  # there may be millions
    search_fields = ("stream_id", "subscriber_id", "remote_ip", "session")
    fields = (
        "when",
        "shown_event",
        "type",
        "application",
        "stream_id",
        "subscriber_id",
        "remote_ip",
        "reason",
        "count",
        "lasted",
        "protocol",
        "session",
        "instance",
    )

    @admin.display(description="when", ordering="timestamp")
    def when(self, event: ConnectionEvent) -> SafeString:
        return in_two_lines(from_ms(event.timestamp))

    @admin.display(description="event", ordering="event_type")
    def shown_event(self, event: ConnectionEvent) -> SafeString:
        kind = EventType(event.event_type)
        return badge(EVENT_BADGES[kind], str(kind.label))

    @admin.display(description="lasted", ordering="duration_ms")
    def lasted(self, event: ConnectionEvent) -> str:
        if not event.duration_ms:
            return "-"
        return word_duration(timedelta(milliseconds=event.duration_ms))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin[WebhookDelivery]):
    list_display = (
        "action",
        "stream_id",
        "application",
        "shown_state",
        "attempts",
        "made",
        "next_try",
        "last_error",
    )
    list_filter = ("state", "action", "application")
    list_select_related = ("application",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("stream_id", "url", "last_error")
    actions = ("deliver_again",)
    fields = (
        "action",
        "application",
        "stream_id",
        "url",
        "shown_body",
        "shown_state",
        "attempts",
        "last_error",
        "made",
        "next_try",
        "delivered",
    )

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    @admin.action(description="Try the selected again", permissions=["retry"])
    def deliver_again(
        self, request: HttpRequest, queryset: QuerySet[WebhookDelivery, WebhookDelivery]
    ) -> None:
        rows = list(queryset.exclude(state=DeliveryState.DELIVERED))
        for row in rows:
            self.log_change(request, row, "Tried again.")
        self.tell(request, f"To be tried again: {try_again([row.pk for row in rows])}.")

    @admin.display(description="state", ordering="state")
    def shown_state(self, delivery: WebhookDelivery) -> SafeString:
        state = DeliveryState(delivery.state)
        return badge(DELIVERY_BADGES[state], str(state.label))

    @admin.display(description="posted")
    def shown_body(self, delivery: WebhookDelivery) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(delivery.body, indent=2))

    @admin.display(description="made (UTC)", ordering="created_at")
    def made(self, delivery: WebhookDelivery) -> SafeString | str:
        return since(delivery.created_at)

    @admin.display(description="next try", ordering="next_try_at")
    def next_try(self, delivery: WebhookDelivery) -> str:
        if delivery.state != DeliveryState.WAITING:
            return "-"
        if delivery.next_try_at <= timezone.now():
            return "at once"
        return f"in {word_duration(delivery.next_try_at - timezone.now())}"

    @admin.display(description="delivered")
    def delivered(self, delivery: WebhookDelivery) -> str:
        return in_zone(delivery.delivered_at)
