"""Subscribers: their secrets, their blocks and who of them is connected."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from streams.admin.base import BaseAdmin, require
from streams.admin.enrolment import check_code, enrolment_qr, is_asked_for
from streams.admin.filters import BlockedFilter, ConnectedFilter
from streams.admin.states import badge, in_zone
from streams.forms import (
    BlockPeriodForm,
    BlockTermsForm,
    CheckCodeForm,
    SubscriberForm,
)
from streams.forms.subscribers import block_end
from streams.models import BlockedType, Subscriber
from streams.overview import with_connections
from streams.secrets import generate_base32_secret, is_weak
from streams.services.subscribers import block_subscriber, save_subscriber

KEY_FIELDS = ("application", "stream_id", "subscriber_id")
WEAK = (
    "This secret is shorter than 112 bits and could be found by trying. "
    "“New secret” makes one of 160 bits."
)


def word_block(subscriber: Subscriber) -> str:
    """ "playing, until 2026-03-01 12:00:00 CET"; nothing without a block."""
    until = block_end(subscriber)
    if until is None or not subscriber.blocked_type:
        return ""
    what = BlockedType(subscriber.blocked_type).label
    return f"{what}, until {in_zone(until)}"


@admin.register(Subscriber)
class SubscriberAdmin(BaseAdmin[Subscriber]):
    form = SubscriberForm
    action_form = BlockPeriodForm
    list_display = (
        "subscriber_id",
        "subscriber_name",
        "stream_id",
        "application",
        "type",
        "connected_now",
        "blocked",
    )
    list_filter = ("type", ConnectedFilter, BlockedFilter, "application")
    list_select_related = ("application",)
    list_per_page = 50
    search_fields = ("subscriber_id", "subscriber_name", "stream_id")
    secret_fields = frozenset({"b32_secret"})
    actions = ("block_selected", "unblock_selected")
    readonly_fields = ("connected_now", "secret_state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscriber, Subscriber]:
        found = super().get_queryset(request).select_related("application")
        return with_connections(found)

    def get_fieldsets(self, request: HttpRequest, obj: Subscriber | None = None) -> Any:
        may_change = obj is None or self.has_change_permission(request, obj)
        who = (*KEY_FIELDS, "subscriber_name", "type", "concurrent_connections_limit")
        codes = ("b32_secret" if may_change else "secret_state", "totp_period_s")
        return (
            (None, {"fields": who if obj is None else (*who, "connected_now")}),
            ("Codes", {"fields": codes}),
            ("Block", {"fields": ("blocked_type", "time_zone", "blocked_until")}),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Subscriber | None = None
    ) -> tuple[str, ...]:
        """It is known by its id on its stream, and keeps both."""
        fixed = () if obj is None else KEY_FIELDS
        return (*fixed, *self.readonly_fields)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data and obj.blocked_type:  # who is blocked now is cut off
            save_subscriber(obj.application, obj.stream_id, obj.subscriber_id, {})
        typed = "b32_secret" in form.changed_data and obj.b32_secret
        if typed and is_weak(obj.b32_secret):
            self.tell(request, WEAK, messages.WARNING)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        shown = kwargs.get("obj")
        if shown is not None and self.has_change_permission(request, shown):
            # As it is stored: after an error the form's own has what was typed.
            subscriber = self.get_queryset(request).get(pk=shown.pk)
            context["panel"] = {
                "qr": enrolment_qr(subscriber, subscriber.type),
                "is_weak": bool(subscriber.b32_secret)
                and is_weak(subscriber.b32_secret),
                "weak": WEAK,
                "block": word_block(subscriber),
                "check_form": CheckCodeForm(initial={"role": subscriber.type}),
                "block_form": BlockTermsForm(),
                "urls": {
                    name.replace("-", "_"): self.button_url(subscriber, name)
                    for name in self.buttons
                },
            }
        return super().render_change_form(request, context, *args, **kwargs)

    # Buttons

    def press_new_secret(self, request: HttpRequest, subscriber: Subscriber) -> None:
        require(self.has_change_permission(request, subscriber))
        secret = generate_base32_secret()
        Subscriber.objects.filter(pk=subscriber.pk).update(b32_secret=secret)
        self.log_change(request, subscriber, "Made a new secret.")
        self.tell(request, "There is a new secret. Codes of the old one are refused.")

    def press_check_code(self, request: HttpRequest, subscriber: Subscriber) -> None:
        require(self.has_change_permission(request, subscriber))
        form = CheckCodeForm(request.POST)
        if not form.is_valid():
            self.tell_errors(request, form)
            return
        role = form.cleaned_data["role"]
        code = form.cleaned_data["code"].replace(" ", "")
        problem = check_code(subscriber, role, code, timezone.now)
        unasked = "" if is_asked_for(subscriber, role) else _UNASKED.format(role)
        if problem:
            text = f"This code would not be accepted to {role}: {problem}. {unasked}"
            self.tell(request, text.rstrip(), messages.ERROR)
        else:
            text = f"This code would be accepted to {role}. {unasked}"
            self.tell(request, text.rstrip(), messages.SUCCESS)

    def press_block(self, request: HttpRequest, subscriber: Subscriber) -> None:
        require(self.has_change_permission(request, subscriber))
        form = BlockTermsForm(request.POST)
        if not form.is_valid():
            self.tell_errors(request, form)
            return
        row = self.block(request, subscriber, **form.cleaned_data)
        self.tell_blocked(request, row)

    def press_unblock(self, request: HttpRequest, subscriber: Subscriber) -> None:
        require(self.has_change_permission(request, subscriber))
        row = self.unblock(request, subscriber)
        self.tell_unblocked(request, row)

    buttons: ClassVar = {
        "new-secret": press_new_secret,
        "check-code": press_check_code,
        "block": press_block,
        "unblock": press_unblock,
    }

    def block(
        self,
        request: HttpRequest,
        subscriber: Subscriber,
        *,
        blocked_type: str,
        seconds: int,
    ) -> Subscriber:
        """Blocked from now on, on every socket; noted."""
        row = block_subscriber(
            subscriber.application,
            subscriber.stream_id,
            subscriber.subscriber_id,
            seconds,
            blocked_type,
        )
        self.log_change(request, row, f"Blocked: {word_block(row)}.")
        return row

    def tell_blocked(self, request: HttpRequest, row: Subscriber) -> None:
        text = f"Blocked {row.subscriber_id}: {word_block(row)}."
        self.tell(request, text, messages.WARNING)

    def unblock(self, request: HttpRequest, subscriber: Subscriber) -> Subscriber:
        what = subscriber.blocked_type or BlockedType.BOTH
        row = block_subscriber(
            subscriber.application,
            subscriber.stream_id,
            subscriber.subscriber_id,
            0,
            what,
        )
        self.log_change(request, row, "Unblocked.")
        return row

    def tell_unblocked(self, request: HttpRequest, row: Subscriber) -> None:
        self.tell(request, f"No longer blocked: {row.subscriber_id}.")

    # Actions and columns

    @admin.action(
        description="Block the selected from publishing and playing",
        permissions=["change"],
    )
    def block_selected(
        self, request: HttpRequest, queryset: QuerySet[Subscriber, Subscriber]
    ) -> None:
        terms = {
            "blocked_type": BlockedType.BOTH,
            "seconds": request.POST.get("seconds"),
        }
        form = BlockTermsForm(terms)
        if not form.is_valid():
            self.tell_errors(request, form)
            return
        rows = [self.block(request, row, **form.cleaned_data) for row in queryset]
        if len(rows) == 1:
            self.tell_blocked(request, rows[0])
        else:
            self.tell(request, f"Blocked: {len(rows)}.", messages.WARNING)

    @admin.action(description="Unblock the selected", permissions=["change"])
    def unblock_selected(
        self, request: HttpRequest, queryset: QuerySet[Subscriber, Subscriber]
    ) -> None:
        rows = [self.unblock(request, row) for row in queryset]
        if len(rows) == 1:
            self.tell_unblocked(request, rows[0])
        else:
            self.tell(request, f"No longer blocked: {len(rows)}.")

    @admin.display(description="connected now", ordering="connections")
    def connected_now(self, subscriber: Subscriber) -> str:
        now = subscriber.connections  # type: ignore[attr-defined]  # annotated
        return f"{now} of {subscriber.concurrent_connections_limit}"

    @admin.display(description="blocked", ordering="blocked_until_ms")
    def blocked(self, subscriber: Subscriber) -> SafeString | str:
        words = word_block(subscriber)
        return badge("dead", words) if words else "-"

    @admin.display(description="secret")
    def secret_state(self, subscriber: Subscriber) -> str:
        return "its own" if subscriber.b32_secret else "the application's"


_UNASKED = "The application does not ask for codes to {} now."
