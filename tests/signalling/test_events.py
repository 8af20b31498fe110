from __future__ import annotations

from channels.layers import InMemoryChannelLayer

from signalling.events import waiting_group


def test_a_group_name_is_valid_for_the_longest_names() -> None:
    group = waiting_group("a" * 128, "b" * 128)

    assert InMemoryChannelLayer().require_valid_group_name(group)


def test_a_group_is_of_one_stream_of_one_application() -> None:
    groups = {
        waiting_group("a", "s1"),
        waiting_group("b", "s1"),
        waiting_group("a", "s2"),
    }

    assert len(groups) == 3
    assert waiting_group("a", "s1") in groups
