"""A key for a program."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone

from streams.forms.zones import ZonedDateTimeField, ZonedForm
from streams.models import ApiKey


class ApiKeyForm(ZonedForm[ApiKey]):
    """Its text is not here: it is made, shown once, and not kept."""

    expires = ZonedDateTimeField(required=False, help_text="Empty: never.")
    moments: ClassVar = {"expires": lambda row: row.expires_at}

    class Meta:
        model = ApiKey
        fields = ("name", "scope", "application")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        expires = cleaned.get("expires")
        past = expires is not None and expires <= timezone.now()
        if past and "expires" in self.changed_data:
            self.add_error("expires", "That is past already.")
        self.instance.expires_at = expires
        return cleaned
