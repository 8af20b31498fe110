from __future__ import annotations

import pytest

from signalling.errors import DEFINITIONS, StoreUnavailable, refusal
from signalling.protocol import ErrorDefinition
from streams.policy import Denial


@pytest.mark.parametrize("denial", Denial)
def test_every_reason_has_a_name_on_the_wire(denial: Denial) -> None:
    refused = refusal(denial, "s1")

    assert refused.definition is DEFINITIONS[denial]
    assert refused.stream_id == "s1"


def test_no_stream_has_its_code_as_text() -> None:
    refused = refusal(Denial.NO_STREAM, "s1")

    assert refused.fields == {
        "error_code": "404",
        "information": "stream_not_exist_or_not_streaming",
    }


def test_another_refusal_has_no_field_more() -> None:
    assert refusal(Denial.ID_IN_USE, "s1").fields == {}


def test_the_stores_absence_is_a_refusal() -> None:
    assert StoreUnavailable("s1").definition is ErrorDefinition.STORE_NOT_AVAILABLE
