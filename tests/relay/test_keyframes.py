"""Throttled key-frame requests (contract M6)."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from relay.keyframes import KeyFrameRequests


def test_nothing_is_due_without_a_wish() -> None:
    requests = KeyFrameRequests()
    assert not requests.due(0.0)


def test_the_first_wish_is_due_at_once() -> None:
    requests = KeyFrameRequests()
    requests.wanted(3.0)
    assert requests.due(3.0)
    assert requests.sent == 1


def test_simultaneous_wishes_become_one_request() -> None:
    requests = KeyFrameRequests()
    sent = 0
    for step in range(100):
        requests.wanted(step / 1000)
        sent += requests.due(step / 1000)
    assert sent == 1


def test_it_repeats_until_a_key_frame_starts() -> None:
    requests = KeyFrameRequests(0.5)
    requests.wanted(0.0)
    assert [requests.due(now) for now in (0.0, 0.4, 0.5, 0.9, 1.0)] == [
        True,
        False,
        True,
        False,
        True,
    ]
    requests.key_frame_arrived(1.1)
    assert not requests.due(2.0)


def test_a_wish_after_the_key_frame_is_deferred_to_the_end_of_the_interval() -> None:
    requests = KeyFrameRequests(0.5)
    requests.wanted(0.0)
    assert requests.due(0.0)
    requests.key_frame_arrived(0.1)
    requests.wanted(0.2)
    assert not requests.due(0.49)
    assert requests.due(0.5)


def test_a_deferred_wish_is_fulfilled_by_a_key_frame_that_starts_after_it() -> None:
    requests = KeyFrameRequests(0.5)
    requests.wanted(0.0)
    assert requests.due(0.0)
    requests.wanted(0.2)
    requests.key_frame_arrived(0.3)
    assert not requests.due(0.5)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["wanted", "key_frame_arrived", "due"]),
            st.floats(0, 0.3),
        ),
        max_size=80,
    )
)
def test_no_wish_is_lost_and_no_two_requests_are_too_close(
    steps: list[tuple[str, float]],
) -> None:
    requests = KeyFrameRequests(0.5)
    now, open_wish = 0.0, False
    sent: list[float] = []
    for action, pause in steps:
        now += pause
        if action == "due":
            if requests.due(now):
                assert open_wish
                sent.append(now)
        else:
            getattr(requests, action)(now)
            open_wish = action == "wanted"
    assert all(b - a >= 0.5 - 1e-9 for a, b in pairwise(sent))
    if open_wish:
        assert requests.due(now + 0.5)
