"""Which participants' tracks are sent: by name, and for everybody else."""

from __future__ import annotations

from relay.track_choices import MAX_CHOICES, TrackChoices


def test_who_is_not_named_follows_the_default() -> None:
    choices = TrackChoices(("ann", "!bob"), enabled=False)
    assert choices.is_enabled("ann", "video")
    assert not choices.is_enabled("bob", "audio")
    assert not choices.is_enabled("cid", "audio")
    assert "ann" in choices
    assert "cid" not in choices


def test_one_kind_of_one_participant_is_set_apart() -> None:
    choices = TrackChoices((), enabled=True)
    choices.set_one("ann", "video", enabled=False)
    assert not choices.is_enabled("ann", "video")
    assert choices.is_enabled("ann", "audio")
    assert choices.is_enabled("bob", "video")


def test_everybody_means_who_was_named_too() -> None:
    choices = TrackChoices(("ann",), enabled=True)
    choices.set_all("video", enabled=False)
    assert not choices.is_enabled("ann", "video")
    assert choices.is_enabled("ann", "audio")
    assert not choices.is_enabled("later", "video")


def test_choices_are_bounded_and_the_default_is_kept() -> None:
    choices = TrackChoices([f"a{i}" for i in range(2 * MAX_CHOICES)], enabled=False)
    for index in range(2 * MAX_CHOICES):
        choices.set_one(f"b{index}", "video", enabled=True)
    assert len(choices) == MAX_CHOICES
    assert choices.is_enabled(f"b{2 * MAX_CHOICES - 1}", "video")
    assert not choices.is_enabled("a0", "video")
