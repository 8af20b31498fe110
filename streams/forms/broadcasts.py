"""A broadcast as an operator registers it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from streams.clock import from_s
from streams.forms.ladder import LadderField
from streams.forms.zones import ZonedDateTimeField, ZonedForm
from streams.models import Broadcast
from streams.names import generate_stream_id


def _moment(seconds: int) -> datetime | None:
    return from_s(seconds) if seconds else None


def _seconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment else 0


class BroadcastForm(ZonedForm[Broadcast]):
    """Planned dates as dates; a stream id of our own where none is given."""

    planned_start = ZonedDateTimeField(
        required=False,
        help_text="It cannot be published before. Counts only with an end.",
    )
    planned_end = ZonedDateTimeField(
        required=False,
        help_text="It cannot be published after, and who publishes it then is "
        "ended. Counts only with a start.",
    )
    encoder_settings = LadderField(
        label="Renditions",
        help_text="Lower qualities that are encoded of this stream, in place of the "
        "application's (encoderSettingsList). None: as the application says. A change "
        "counts from the next publish on.",
    )
    moments: ClassVar = {
        "planned_start": lambda row: _moment(row.planned_start_date),
        "planned_end": lambda row: _moment(row.planned_end_date),
    }

    class Meta:
        model = Broadcast
        fields = (
            "application",
            "stream_id",
            "name",
            "description",
            "category",
            "expire_duration_ms",
            "viewer_limit",
            "subtracks_limit",
            "listener_hook_url",
            "encoder_settings",
            "meta_data",
            "role",
            "main_track_stream_id",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
        if self.errors.keys() & self.moments.keys():
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
