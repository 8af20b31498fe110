"""A token with an end that people can read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.utils import timezone

from streams.clock import from_s
from streams.forms.zones import ZonedDateTimeField, ZonedForm
from streams.models import Token

USUAL_LIFETIME = timedelta(days=1)


def _expiry(token: Token) -> datetime | None:
    if not token.expire_date:
        return None
    return from_s(token.expire_date)


class TokenForm(ZonedForm[Token]):
    """The token itself is made by the row, not typed."""

    expires = ZonedDateTimeField(help_text="Not good from then on.")
    moments: ClassVar = {"expires": _expiry}

    class Meta:
        model = Token
        fields = ("application", "stream_id", "type", "room_id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        initial = {"expires": timezone.now() + USUAL_LIFETIME}
        kwargs["initial"] = initial | dict(kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)

    def clean_expires(self) -> datetime:
        expires: datetime = self.cleaned_data["expires"]
        if self.instance._state.adding and expires <= timezone.now():
            self.add_error("expires", "That is past already.")
        self.instance.expire_date = int(expires.timestamp())
        return expires
