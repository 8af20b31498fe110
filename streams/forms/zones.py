"""Dates in the time zone that the operator chose, named beside them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone

from streams.typed import ModelForm

ModelT = TypeVar("ModelT", bound=Model)
SHOWN_AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


@cache
def zone_names() -> tuple[str, ...]:
    """UTC, then AREA/CITY in the order of the alphabet."""
    cities = (
        name for name in available_timezones() if name.split("/")[0] in SHOWN_AREAS
    )
    return ("UTC", *sorted(cities))


def is_zone(name: object) -> bool:
    """Whether people may choose it; also what the installation is set to."""
    return name in zone_names() or name == timezone.get_default_timezone_name()


def read_local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which clocks in `zone` show `moment`, which has no zone.

    Raises:
        ValueError: they never show it, or twice, for they are put forward or back.
    """
    first = moment.replace(tzinfo=zone, fold=0)
    second = moment.replace(tzinfo=zone, fold=1)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise ValueError(
            f"{moment:%Y-%m-%d %H:%M} does not exist in {zone.key}: "
            "clocks are put forward then."
        )
    if first.utcoffset() != second.utcoffset():
        raise ValueError(
            f"{moment:%Y-%m-%d %H:%M} is there twice in {zone.key}: clocks are put "
            "back then. Give it in UTC."
        )
    return first.astimezone(UTC)


def in_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """What clocks in `zone` show at an instant, to the second, without the zone."""
    return moment.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)


class ZonedDateTimeField(forms.SplitDateTimeField):
    """A date and a time of `zone`, which its form sets; an aware UTC datetime."""

    zone = ZoneInfo("UTC")
    shown: datetime | None = None  # the instant that its form shows
    # The browser's own pickers: those of the admin know the server's zone only.
    widget = forms.SplitDateTimeWidget(
        date_attrs={"type": "date", "aria-label": "Date"},
        time_attrs={"type": "time", "step": "1", "aria-label": "Time"},
        date_format="%Y-%m-%d",
        time_format="%H:%M:%S",
    )

    def compress(self, data_list: Any) -> datetime | None:
        if not data_list:
            return None
        day, time = data_list
        if day in self.empty_values:
            raise ValidationError(self.error_messages["invalid_date"])
        if time in self.empty_values:
            raise ValidationError(self.error_messages["invalid_time"])
        typed = datetime.combine(day, time)
        if self.shown is not None and typed == in_clock(self.shown, self.zone):
            return self.shown  # untouched: even if clocks show it twice
        try:
            return read_local(typed, self.zone)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        except OverflowError as error:
            raise ValidationError("That is too far away.") from error


class ZonedForm(ModelForm[ModelT]):
    """A form with dates that says in which zone they are.

    They are shown in Django's current zone, and read in the chosen one.
    """

    time_zone = forms.ChoiceField(
        required=False,
        help_text="The dates here are of this zone. It is remembered for you.",
    )
    # Form field -> how to read its instant from the row.
    moments: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self._chosen_zone()
        names = dict.fromkeys((*zone_names(), name))
        field = self.fields["time_zone"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type
        field.choices = [(found, found) for found in names]
        self.initial["time_zone"] = timezone.get_current_timezone_name()
        self.zone = ZoneInfo(name)
        for key, found in self.fields.items():
            if isinstance(found, ZonedDateTimeField):
                found.zone = self.zone
                self._show(key, found)

    def clean_time_zone(self) -> str:
        return self.zone.key

    def _chosen_zone(self) -> str:
        typed = self.data.get(self.add_prefix("time_zone"))
        if isinstance(typed, str) and is_zone(typed):
            return typed
        return timezone.get_current_timezone_name()

    def _show(self, key: str, field: ZonedDateTimeField) -> None:
        stored = self.moments[key](self.instance)
        field.shown = stored
        moment = stored or self.initial.pop(key, None)
        if isinstance(moment, datetime):  # an address may ask for anything
            self.initial[key] = in_clock(moment, self.zone)
