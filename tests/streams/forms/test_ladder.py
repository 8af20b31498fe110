from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.forms import model_to_dict
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from streams.forms import ApplicationForm
from streams.forms.ladder import LadderField, LadderWidget, describe_ladder
from streams.models import Application
from streams.models.rendition import validate_encoder_settings

LOW = {
    "height": 240,
    "videoBitrate": 300_000,
    "audioBitrate": 32_500,
    "forceEncode": False,
    "forceSameResolutionEncode": True,
}
HIGH = {
    "height": 720,
    "videoBitrate": 0,
    "audioBitrate": 0,
    "forceEncode": True,
    "forceSameResolutionEncode": False,
}
LOW_TYPED = {"height": "240", "video": "300", "audio": "32.5", "same": "on"}
HIGH_TYPED = {"height": "720", "force": "on"}


def field() -> LadderField:
    return LadderField(label="Renditions", help_text="")


def typed(*rows: dict[str, str], name: str = "ladder") -> dict[str, str]:
    """What a browser sends for these rows."""
    cells = {
        f"{name}-{index}-{part}": text
        for index, row in enumerate(rows)
        for part, text in row.items()
    }
    return {f"{name}-rows": str(len(rows)), **cells}


def read(data: dict[str, str]) -> Any:
    return LadderWidget().value_from_datadict(data, {}, "ladder")


def clean(*rows: dict[str, str]) -> Any:
    return field().clean(read(typed(*rows)))


def errors(*rows: dict[str, str]) -> list[str]:
    form = ApplicationForm(typed(*rows, name="encoder_settings"))
    return [str(error) for error in form.errors.get("encoder_settings", ())]


def test_rows_are_renditions_highest_first() -> None:
    assert clean(LOW_TYPED, HIGH_TYPED) == [HIGH, LOW]


def test_empty_rows_count_for_nothing() -> None:
    assert clean({}, HIGH_TYPED, {"force": "on"}, {"height": " "}) == [HIGH]


def test_a_row_is_removed() -> None:
    assert clean(LOW_TYPED, HIGH_TYPED | {"remove": "on"}) == [LOW]


def test_a_gap_in_the_numbers_is_fine() -> None:
    data = {"ladder-rows": "9", "ladder-7-height": "720", "ladder-7-force": "on"}

    assert field().clean(read(data)) == [HIGH]


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ({"video": "300"}, "height"),
        ({"height": "0"}, "height"),
        ({"height": "-240"}, "height"),
        ({"height": "4321"}, "height"),
        ({"height": "240p"}, "height"),
        ({"height": "1" * 40}, "height"),
        ({"height": "240", "video": "fast"}, "video"),
        ({"height": "240", "video": "-1"}, "video"),
        ({"height": "240", "video": "100001"}, "video"),
        ({"height": "240", "video": "NaN"}, "video"),
        ({"height": "240", "video": "1e99999"}, "video"),
        ({"height": "240", "audio": "1001"}, "audio"),
    ],
    ids=str,
)
@pytest.mark.django_db
def test_it_says_what_is_wrong_in_which_row(row: dict[str, str], wrong: str) -> None:
    (message,) = errors(HIGH_TYPED, row)

    assert message.startswith("Rendition 2: ")
    assert wrong in message


@pytest.mark.django_db
def test_it_names_every_wrong_row() -> None:
    assert len(errors({"height": "x"}, HIGH_TYPED, {"height": "y"})) == 2


@pytest.mark.django_db
def test_there_are_at_most_ten() -> None:
    assert errors(*[HIGH_TYPED] * 11) == ["At most 10 renditions."]


@pytest.mark.parametrize("count", ["", "x", "-1", "1" * 99, "999", "\u0661"])
def test_the_number_of_rows_is_not_trusted(count: str) -> None:
    data = typed(HIGH_TYPED) | {"ladder-rows": count}

    rows = read(data)

    assert rows is not None
    assert len(rows) <= 30


def test_no_table_says_nothing() -> None:
    assert read({"ladder-0-height": "240"}) is None
    assert not field().has_changed([LOW], None)
    assert LadderWidget().value_omitted_from_data({}, {}, "ladder")


def test_what_is_shown_and_sent_back_has_not_changed() -> None:
    ladder = field()
    shown = ladder.prepare_value([LOW, {"height": 720}])

    assert not ladder.has_changed([LOW, {"height": 720}], shown)
    assert ladder.clean(shown) == [HIGH, LOW]


@pytest.mark.parametrize(
    "rows", [(), (LOW_TYPED,), (LOW_TYPED, HIGH_TYPED, {"height": "x"})]
)
def test_a_change_is_seen(rows: tuple[dict[str, str], ...]) -> None:
    assert field().has_changed([LOW, HIGH], read(typed(*rows)))


def test_it_shows_the_rows_and_some_spare_ones() -> None:
    html = LadderWidget().render("ladder", field().prepare_value([LOW]))

    assert 'name="ladder-0-height" value="240"' in html
    assert 'name="ladder-0-audio" value="32.5"' in html
    assert 'name="ladder-3-height" value=""' in html
    assert 'name="ladder-rows" value="4"' in html
    assert 'name="ladder-4-height"' not in html


def test_a_full_ladder_has_no_spare_rows() -> None:
    html = LadderWidget().render("ladder", field().prepare_value([LOW] * 10))

    assert 'name="ladder-rows" value="10"' in html


def test_what_was_typed_is_shown_again_and_escaped() -> None:
    rows = read(typed({"height": '"><script>'}))

    html = LadderWidget().render("ladder", field().prepare_value(rows))

    assert "<script>" not in html
    assert "&quot;&gt;&lt;script&gt;" in html


@pytest.mark.parametrize("asked", ["240", None, 5, [1], ["x"], {}])
def test_an_address_may_ask_for_anything(asked: object) -> None:
    assert field().prepare_value(asked) == []


def test_a_ladder_in_words() -> None:
    assert describe_ladder([LOW, HIGH]) == "720p at ? kbit/s, 240p at 300 kbit/s"
    assert describe_ladder([]) == "none"


def untouched(application: Application) -> dict[str, Any]:
    """What the rest of the page sends when nobody touches it."""
    values = model_to_dict(application)
    values["visibility_matrix"] = json.dumps(values["visibility_matrix"])
    return {name: value for name, value in values.items() if value is not False}


def test_the_form_stores_a_ladder_and_takes_it_away(application: Application) -> None:
    values = untouched(application)
    name = "encoder_settings"

    form = ApplicationForm(values | typed(LOW_TYPED, name=name), instance=application)
    assert form.is_valid(), form.errors
    assert name in form.changed_data
    assert form.save().encoder_settings == [LOW]

    form = ApplicationForm(values | typed(name=name), instance=application)
    assert form.save().encoder_settings == []


def test_a_form_without_the_table_keeps_the_ladder(application: Application) -> None:
    application.encoder_settings = [LOW]
    values = untouched(application)

    form = ApplicationForm(values, instance=application)

    assert form.save().encoder_settings == [LOW]


CELL = st.text(max_size=8) | st.sampled_from(["240", "0", "1.5", "1e3", "nan", "inf"])


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("height", "video", "audio", "force", "same", "remove"), CELL
            ),
        ),
        max_size=12,
    )
)
def test_any_rows_are_refused_or_valid(rows: list[dict[str, str]]) -> None:
    data = QueryDict(mutable=True)
    data.update(typed(*rows))
    try:
        found = field().clean(read(data))
    except ValidationError:
        return
    validate_encoder_settings(found)
    assert not field().has_changed(found, field().prepare_value(found))
