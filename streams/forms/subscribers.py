"""A subscriber, its secret and its block."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone

from streams.clock import to_ms
from streams.forms.secrets import hide_secrets
from streams.forms.zones import ZonedDateTimeField, ZonedForm
from streams.models import Subscriber


def block_end(subscriber: Subscriber) -> datetime | None:
    """None once it is past: there is no block then."""
    until = subscriber.blocked_until
    return until if until and until > timezone.now() else None


class SubscriberForm(ZonedForm[Subscriber]):
    """A block that is past is shown, and kept, as none."""

    blocked_until = ZonedDateTimeField(
        required=False, help_text="Who is live then is cut off when this is saved."
    )
    moments: ClassVar = {"blocked_until": block_end}

    class Meta:
        model = Subscriber
        fields = (
            "application",
            "stream_id",
            "subscriber_id",
            "subscriber_name",
            "type",
            "b32_secret",
            "totp_period_s",
            "concurrent_connections_limit",
            "blocked_type",
        )
        labels: ClassVar = {"blocked_type": "Blocked from"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if block_end(self.instance) is None:
            self.initial["blocked_type"] = ""
        hide_secrets(self, ("b32_secret",))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kind, until = cleaned.get("blocked_type"), cleaned.get("blocked_until")
        if self.errors.keys() & {"blocked_type", "blocked_until"}:
            pass
        elif kind and not until:
            self.add_error("blocked_until", "Say until when.")
        elif until and not kind:
            self.add_error("blocked_type", "Say what is blocked.")
        elif until and until <= timezone.now():
            self.add_error("blocked_until", "That is past already.")
        else:
            self.instance.blocked_until_ms = to_ms(until) if until else 0
            return cleaned
        cleaned.pop("blocked_type", None)  # the row keeps the block it has, whole
        return cleaned
