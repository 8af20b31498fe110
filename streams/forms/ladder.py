"""A ladder of renditions as a table that people fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from streams.models.rendition import DEFAULTS, MAX_RENDITIONS, NUMBERS
from streams.services.ladder import complete_ladder

BLANK_ROWS = 3  # for browsers without JavaScript, at least
MAX_ROWS = 3 * MAX_RENDITIONS  # that are read of what was sent
_MAX_CHARS = 32  # of a number


@dataclass(frozen=True, slots=True)
class TypedRung:
    """A row of the table, as it was typed. Bitrates in kbit/s."""

    height: str = ""
    video: str = ""
    audio: str = ""
    force: bool = True  # also where it is higher than the original
    same: bool = False  # also where it is as high

    @property
    def is_blank(self) -> bool:
        return not (self.height or self.video or self.audio)


class LadderWidget(forms.Widget):
    """Rows of inputs. A script adds and removes some; without it some are spare."""

    template_name = "streams/widgets/ladder.html"
    use_fieldset = True

    class Media:
        js = ("streams/ladder.js",)
        css = {"all": ("streams/ladder.css",)}

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        typed = [rung for rung in value or () if isinstance(rung, TypedRung)]
        room = MAX_RENDITIONS - len(typed)
        rows = typed + [TypedRung()] * max(min(room, BLANK_ROWS), 0)
        context["widget"] |= {
            "rows": rows,
            "spare": TypedRung(),
            "most": MAX_RENDITIONS,
            "highest": NUMBERS["height"],
        }
        return context

    def value_from_datadict(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> list[TypedRung] | None:
        """The rows that are to stay; None where there was no table at all."""
        if self.value_omitted_from_data(data, files, name):
            return None
        count = data[_count_name(name)]
        rows = int(count) if count.isdecimal() and len(count) < 4 else MAX_ROWS
        keys = [f"{name}-{row}" for row in range(min(rows, MAX_ROWS))]
        return [_typed_rung(data, key) for key in keys if not data.get(f"{key}-remove")]

    def value_omitted_from_data(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> bool:
        return not isinstance(data.get(_count_name(name)), str)


class LadderField(forms.Field):
    """Encoder settings by their wire names, highest first; none for an empty table."""

    widget = LadderWidget

    def __init__(self, *, label: str, help_text: str) -> None:
        super().__init__(required=False, label=label, help_text=help_text)

    def prepare_value(self, value: Any) -> list[TypedRung]:
        """Rows of what is stored, or as they were typed; an address asks for none."""
        if not isinstance(value, list):
            return []
        if all(isinstance(rung, TypedRung) for rung in value):
            return [rung for rung in value if not rung.is_blank]
        return [_shown_rung(entry) for entry in value if isinstance(entry, dict)]

    def clean(self, value: list[TypedRung] | None) -> list[dict[str, Any]]:
        rungs = [rung for rung in value or () if not rung.is_blank]
        if len(rungs) > MAX_RENDITIONS:
            raise ValidationError(f"At most {MAX_RENDITIONS} renditions.")
        entries, errors = [], []
        for number, rung in enumerate(rungs, 1):
            try:
                entries.append(_read_rung(rung))
            except ValueError as error:
                errors.append(f"Rendition {number}: {error}")
        if errors:
            raise ValidationError(errors)
        return sorted(entries, key=_from_the_top, reverse=True)

    def has_changed(self, initial: Any, data: list[TypedRung] | None) -> bool:
        if data is None:
            return False
        stored = complete_ladder(initial or [])
        try:
            return self.clean(data) != sorted(stored, key=_from_the_top, reverse=True)
        except ValidationError:
            return True


def describe_ladder(entries: list[dict[str, Any]]) -> str:
    """For those who may only look."""
    rungs = [
        f"{entry['height']}p at {_kbps(entry['videoBitrate']) or '?'} kbit/s"
        for entry in sorted(complete_ladder(entries), key=_from_the_top, reverse=True)
    ]
    return ", ".join(rungs) or "none"


def _typed_rung(data: Mapping[str, Any], key: str) -> TypedRung:
    def text(part: str) -> str:
        return str(data.get(f"{key}-{part}") or "").strip()[:_MAX_CHARS]

    return TypedRung(
        height=text("height"),
        video=text("video"),
        audio=text("audio"),
        force=bool(data.get(f"{key}-force")),
        same=bool(data.get(f"{key}-same")),
    )


def _shown_rung(entry: dict[str, Any]) -> TypedRung:
    complete = {**DEFAULTS, **entry}
    return TypedRung(
        height=str(complete["height"]),
        video=_kbps(complete["videoBitrate"]),
        audio=_kbps(complete["audioBitrate"]),
        force=complete["forceEncode"],
        same=complete["forceSameResolutionEncode"],
    )


def _read_rung(rung: TypedRung) -> dict[str, Any]:
    """Raises ValueError: what is wrong, in words."""
    height = int(rung.height) if rung.height.isdecimal() else 0
    if not 0 < height <= NUMBERS["height"]:
        raise ValueError(f"give its height in pixels, up to {NUMBERS['height']}.")
    return {
        "height": height,
        "videoBitrate": _bps(rung.video, "video", NUMBERS["videoBitrate"]),
        "audioBitrate": _bps(rung.audio, "audio", NUMBERS["audioBitrate"]),
        "forceEncode": rung.force,
        "forceSameResolutionEncode": rung.same,
    }


def _bps(kbps: str, kind: str, highest: int) -> int:
    try:
        number = Decimal(kbps or 0)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or not 0 <= number <= highest // 1000:
        raise ValueError(f"the {kind} bitrate is a number up to {highest // 1000}.")
    return int(number * 1000)


def _kbps(bps: int) -> str:
    return f"{bps / 1000:.3f}".rstrip("0").rstrip(".") if bps else ""


def _from_the_top(entry: dict[str, Any]) -> tuple[int, int]:
    return entry["height"], entry["videoBitrate"]


def _count_name(name: str) -> str:
    """Of the input that says how many rows there are."""
    return f"{name}-rows"
