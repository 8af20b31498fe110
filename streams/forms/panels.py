"""Small forms beside buttons."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.helpers import ActionForm

from streams.models import BlockedType, CredentialType
from streams.names import validate_stream_id
from streams.secrets import validate_subscriber_id

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S
LIFETIMES = (
    (15 * MINUTE_S, "15 minutes"),
    (HOUR_S, "1 hour"),
    (DAY_S, "1 day"),
    (7 * DAY_S, "7 days"),
    (30 * DAY_S, "30 days"),
    (365 * DAY_S, "1 year"),
)
BLOCK_PERIODS = (
    (15 * MINUTE_S, "15 minutes"),
    (HOUR_S, "1 hour"),
    (DAY_S, "1 day"),
    (30 * DAY_S, "30 days"),
    (100 * 365 * DAY_S, "good"),
)


class PanelForm(forms.Form):
    """Its fields may stand inside another form: they say whose they are."""

    form_id = ""

    def __init__(self, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial, auto_id=f"{self.form_id}-%s")
        for field in self.fields.values():
            field.widget.attrs["form"] = self.form_id


class MakeTokenForm(PanelForm):
    form_id = "make-token"

    type = forms.ChoiceField(
        choices=CredentialType.choices, initial=CredentialType.PLAY, label="To"
    )
    lifetime_s = forms.TypedChoiceField(
        choices=LIFETIMES, coerce=int, initial=DAY_S, label="Good for"
    )
    room = forms.CharField(
        required=False,
        max_length=128,
        validators=[validate_stream_id],
        label="Room (if any)",
    )


class BlockTermsForm(PanelForm):
    """What is blocked, and for how long."""

    form_id = "block"

    blocked_type = forms.ChoiceField(
        choices=BlockedType.choices, initial=BlockedType.BOTH, label="From"
    )
    seconds = forms.TypedChoiceField(
        choices=BLOCK_PERIODS, coerce=int, initial=HOUR_S, label="For"
    )


class BlockForm(BlockTermsForm):
    """And who: somebody who need not be registered."""

    field_order = ("subscriber_id", "blocked_type", "seconds")

    subscriber_id = forms.CharField(
        max_length=255,
        validators=[validate_subscriber_id],
        widget=forms.TextInput(attrs={"list": "known-subscribers"}),
        label="Subscriber",
    )


class CheckCodeForm(PanelForm):
    form_id = "check-code"

    code = forms.CharField(
        max_length=16,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(choices=CredentialType.choices, label="To")


class BlockPeriodForm(ActionForm):
    """Beside the actions of a list: for how long to block."""

    # Other actions do without it, and Django runs none of them while it is missed.
    seconds = forms.TypedChoiceField(
        choices=BLOCK_PERIODS,
        coerce=int,
        initial=HOUR_S,
        label="Block for",
        required=False,
    )
