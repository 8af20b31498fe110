from __future__ import annotations

import pytest

from signalling.track_choice import TrackChoice, choose_of_room, is_stream_sent


@pytest.mark.parametrize(
    ("named", "disabled", "choice"),
    [
        ((), False, TrackChoice((), enabled=True)),
        ((), True, TrackChoice((), enabled=False)),
        (("a", "b"), False, TrackChoice(("a", "b"), enabled=False)),
        (("!a",), False, TrackChoice(("!a",), enabled=True)),
        (("!a",), True, TrackChoice(("!a",), enabled=False)),
        (("a", "!b"), False, TrackChoice(("a", "!b"), enabled=False)),
        (("a",), True, TrackChoice(("a",), enabled=False)),
        # multitrackplayer.html lists the room too.
        (("hall",), False, TrackChoice((), enabled=True)),
        (("!hall", "!a"), False, TrackChoice(("!a",), enabled=True)),
        (("hall", "a", "a"), False, TrackChoice(("a",), enabled=False)),
    ],
)
def test_what_of_a_room_is_sent(
    named: tuple[str, ...], disabled: bool, choice: TrackChoice
) -> None:
    assert choose_of_room("hall", named, disabled=disabled) == choice


@pytest.mark.parametrize(
    ("named", "disabled", "sent"),
    [
        ((), False, True),
        ((), True, False),
        (("cam",), True, True),
        (("!cam",), False, False),
        (("other",), False, True),
        (("!other",), True, False),
    ],
)
def test_whether_a_stream_is_sent(
    named: tuple[str, ...], disabled: bool, sent: bool
) -> None:
    assert is_stream_sent("cam", named, disabled=disabled) is sent
