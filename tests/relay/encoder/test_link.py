"""Messages between relay and encoder, which take each other's for hostile."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.encoder import link
from relay.encoder.link import Ladder, Rung
from relay.negotiation import SEND_ORIENTATION_ID


@pytest.mark.parametrize(
    "message",
    [
        Ladder("VP8", "VP8", (Rung(0, 480, 800_000), Rung(1, 240, 250_000, 32_000))),
        Ladder("H264", "H264", (), single_nal=True, audio=(32_000, 0, 16_000)),
        link.KeyFrame(3),
        link.Ready(),
        link.SourceKeyFrame(),
        link.RungFailed(1),
        link.Status(30, 1, 2, 3, 4, 5),
        link.Crashed("MemoryError()"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_comes_back(message: link.Message) -> None:
    data = link.encode(message)
    assert data[0] == link.CONTROL
    assert link.decode(data) == message


def say(**body: object) -> bytes:
    return bytes((link.CONTROL,)) + json.dumps(body).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\x7f",
        b"\x7f[]",
        b"\x7fnull",
        b"\x7f\xff",
        b"\x7f" + b"[" * 4000,
        say(kind="Nothing"),
        say(kind=["KeyFrame"]),
        say(kind="KeyFrame"),
        say(kind="KeyFrame", index="1"),
        say(kind="KeyFrame", index=-1),
        say(kind="KeyFrame", index=True),
        say(kind="Status", frames=1e9),
        say(kind="Status", frames=10**400),
        say(kind="Ladder", source="VP8"),
        say(kind="Ladder", source="", target="", rungs=[1], single_nal=0, audio=[]),
        say(kind="Crashed"),
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of json or of ours
        link.decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        link.decode(bytes((link.CONTROL,)) + data)
    except ValueError:
        return


def test_the_orientation_has_the_number_that_viewers_were_told() -> None:
    assert link.ORIENTATION_ID == SEND_ORIENTATION_ID
