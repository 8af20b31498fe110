"""Forms of the admin: what people type, as what the rows hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime

from streams.models import Broadcast
from streams.names import generate_stream_id
from streams.typed import ModelForm

PLANNED = {
    "planned_start": "planned_start_date",
    "planned_end": "planned_end_date",
}


class BroadcastForm(ModelForm[Broadcast]):
    """Planned dates as dates; a stream id of our own where none is given."""

    planned_start = forms.SplitDateTimeField(
        required=False,
        widget=AdminSplitDateTime,
        help_text="It cannot be published before. Counts only with an end (UTC).",
    )
    planned_end = forms.SplitDateTimeField(
        required=False,
        widget=AdminSplitDateTime,
        help_text="It cannot be published after. Counts only with a start (UTC).",
    )

    class Meta:
        model = Broadcast
        fields = (
            "application",
            "stream_id",
            "name",
            "description",
            "expire_duration_ms",
            "meta_data",
            "role",
            "main_track_stream_id",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field, column in PLANNED.items():
            seconds = getattr(self.instance, column)
            if seconds:
                self.initial[field] = datetime.fromtimestamp(seconds, UTC)
        if "stream_id" in self.fields:  # read-only once it exists
            self.fields["stream_id"].required = False
            self.fields[
                "stream_id"
            ].help_text = (
                "What publishers and viewers name it by. Empty: 24 random digits."
            )

    def clean_stream_id(self) -> str:
        return self.cleaned_data["stream_id"] or generate_stream_id()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        start, end = cleaned.get("planned_start"), cleaned.get("planned_end")
        if self.errors.keys() & PLANNED.keys():
            return cleaned
        if bool(start) != bool(end):
            missing = "planned_end" if start else "planned_start"
            self.add_error(missing, "Give both dates, or none: one has no effect.")
        elif start and end and end <= start:
            self.add_error("planned_end", "The end must be after the start.")
        else:
            self.instance.planned_start_date = _seconds(start)
            self.instance.planned_end_date = _seconds(end)
        return cleaned


def _seconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment else 0
