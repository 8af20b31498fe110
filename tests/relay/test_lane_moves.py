"""A lane that goes over from one rendition to another, in any order of events."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from relay.lane import Lane
from tests.relay.raw_peer import DELTA_FRAME, KEY_FRAME
from tests.relay.test_lane import Source, Viewer, check_numbers, make_lane, shared_lane
from tests.relay.test_track import AUDIO, VIDEO

START = 1000.0
SEND, KEY, MOVE, DETACH, ATTACH = range(5)


def running(viewer: Viewer) -> tuple[Lane, Source, Source]:
    """A lane that shares the first one's bytes, and another one to go to."""
    first, second = Source(VIDEO, "high"), Source(VIDEO, "low")
    second.track.outgoing = first.track.outgoing
    lane = shared_lane(viewer, first)
    lane.attach(first.stream, first.track)
    first.key_frame(START)
    second.key_frame(START)
    return lane, first, second


def test_it_goes_on_until_the_other_ones_key_frame() -> None:
    viewer = Viewer()
    lane, first, second = running(viewer)
    lane.move(second.track)
    first.send(START + 0.1, b"\x10\x11old")
    second.send(START + 0.1, b"\x10\x11new")
    assert (lane.track, lane.next_track) == (first.track, second.track)
    second.key_frame(START + 0.2)
    first.send(START + 0.2, b"\x10\x11late")
    second.send(START + 0.3, b"\x10\x11next")
    assert (lane.track, lane.next_track) == (second.track, None)
    ends = [data[-4:] for data in viewer.sent]
    assert len(ends) == 4
    assert (ends[1], ends[3]) == (b"\x11old", b"next")
    check_numbers(viewer.sent)


def test_the_tracks_know_whose_it_is() -> None:
    lane, first, second = running(Viewer())
    lane.move(second.track)
    assert second.track.receivers.expected() == [lane]
    assert (len(first.track.receivers), len(second.track.receivers)) == (1, 0)
    second.key_frame(START + 0.2)
    assert second.track.receivers.expected() == []
    assert (len(first.track.receivers), len(second.track.receivers)) == (0, 1)


def test_a_move_to_where_it_is_takes_the_last_one_back() -> None:
    lane, first, second = running(Viewer())
    lane.move(second.track)
    lane.move(first.track)
    assert (lane.next_track, second.track.receivers.expected()) == (None, [])
    second.key_frame(START + 0.2)
    assert lane.track is first.track


def test_another_move_replaces_the_first() -> None:
    lane, _, second = running(Viewer())
    third = Source(VIDEO, "middle")
    lane.move(second.track)
    lane.move(third.track)
    second.key_frame(START + 0.2)
    third.key_frame(START + 0.3)
    assert lane.track is third.track


def test_a_detached_lane_is_not_expected_any_more() -> None:
    lane, _, second = running(Viewer())
    lane.move(second.track)
    lane.detach()
    assert second.track.receivers.expected() == []
    lane.move(second.track)  # it carries nothing
    assert (lane.track, lane.next_track) == (None, None)


def test_one_that_has_not_started_waits_for_the_other_at_once() -> None:
    first, second = Source(VIDEO, "high"), Source(VIDEO, "low")
    lane = make_lane(Viewer())
    lane.attach(first.stream, first.track)
    lane.move(second.track)
    assert (lane.track, lane.next_track) == (second.track, None)


def test_audio_goes_over_with_the_next_packet() -> None:
    viewer = Viewer()
    first, second = Source(AUDIO, "own"), Source(AUDIO, "low")
    lane = shared_lane(viewer, first)
    lane.attach(first.stream, first.track)
    first.send(START)
    lane.move(second.track)
    second.send(START + 0.02, b"other")
    assert viewer.sent[-1].endswith(b"other")
    check_numbers(viewer.sent)


def test_what_was_sent_before_can_be_sent_again() -> None:
    viewer = Viewer()
    lane, _, second = running(viewer)
    lane.move(second.track)
    second.key_frame(START + 0.1)
    for data in viewer.sent:
        found = lane.find(int.from_bytes(data[2:4]), START + 0.2)
        assert found is not None
        assert found[0] == data


def test_packets_and_bytes_are_of_both() -> None:
    viewer = Viewer()
    lane, first, second = running(viewer)
    before = lane.sent_bytes
    first.send(START + 0.1, DELTA_FRAME)
    lane.move(second.track)
    second.key_frame(START + 0.2)
    second.send(START + 0.3, DELTA_FRAME)
    lane.detach()
    # The key frame had come in before its lane began to count.
    sizes = [len(viewer.sent[1]), len(viewer.sent[3])]
    assert lane.sent_bytes - before == sum(sizes)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([SEND, SEND, KEY, KEY, MOVE, MOVE, DETACH, ATTACH]),
            st.integers(0, 2),
        ),
        max_size=60,
    )
)
def test_numbers_never_repeat_and_go_on_without_a_gap(
    actions: list[tuple[int, int]],
) -> None:
    viewer = Viewer()
    sources = [Source(VIDEO, name, 65500 + 7 * i) for i, name in enumerate("abc")]
    for source in sources[1:]:
        source.track.outgoing = sources[0].track.outgoing
    lane = shared_lane(viewer, sources[0])
    now = START
    for action, which in actions:
        source = sources[which]
        now += 0.02
        if action in (SEND, KEY):
            source.send(now, KEY_FRAME if action == KEY else DELTA_FRAME)
        elif action == MOVE:
            lane.move(source.track)
        elif action == DETACH:
            lane.detach()
        elif action == ATTACH:
            lane.attach(source.stream, source.track)
    check_numbers(viewer.sent)
    seqs = [int.from_bytes(data[2:4]) for data in viewer.sent]
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(seqs))
    timestamps = [int.from_bytes(data[4:8]) for data in viewer.sent]
    assert timestamps == sorted(timestamps)
    expected = [s for s in sources if lane in s.track.receivers.expected()]
    waits_for = lane.next_track or (lane.track if not lane.running else None)
    assert [s.track for s in expected] == ([waits_for] if waits_for else [])
