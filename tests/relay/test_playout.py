from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.negotiation import SEND_EXTENSIONS, SEND_PLAYOUT_DELAY_ID
from relay.packet import (
    MAX_PACKET_BYTES,
    build_extensions,
    build_packet,
    parse_packet,
)
from relay.playout import (
    KEPT_S,
    MAX_HOLD_S,
    PLAYOUT_DELAY,
    SourceHold,
    encode_hold,
    hold_s,
    with_extension,
)
from relay.rtcp import build_nack
from relay.subscriber import FIRST_ROUND_TRIP_S
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import (
    DELTA_FRAME,
    KEY_FRAME,
    RTX_SSRC,
    play_raw,
    publish_raw,
)

STREAM = "LiveApp/one"
IDENTIFIER = 5


def packet(extensions: list[tuple[int, bytes]], payload: bytes = b"payload") -> bytes:
    return build_packet(
        payload_type=100,
        marker=True,
        seq=7,
        timestamp=8,
        ssrc=9,
        extensions=build_extensions(extensions),
        payload=payload,
    )


def told_s(value: bytes | None) -> float | None:
    """The least delay that the value asks for; None: nothing is told."""
    return None if value is None else (int.from_bytes(value) >> 12) / 100


def test_the_value_has_two_times_of_ten_milliseconds() -> None:
    assert encode_hold(0.4) == bytes.fromhex("0283e8")  # 40, 1000
    assert encode_hold(99.0) == bytes.fromhex("3e83e8")


@given(st.floats(0, 20))
def test_a_longer_path_holds_longer_up_to_a_bound(round_trip_s: float) -> None:
    assert hold_s(0.0) <= hold_s(round_trip_s) <= hold_s(round_trip_s + 1) <= MAX_HOLD_S
    assert hold_s(round_trip_s) >= min(2 * round_trip_s, MAX_HOLD_S)


@given(
    values=st.lists(
        st.tuples(st.integers(1, 4), st.binary(min_size=1, max_size=4)),
        min_size=1,
        max_size=3,
        unique_by=lambda value: value[0],
    )
)
def test_an_extension_is_added_to_the_others(values: list[tuple[int, bytes]]) -> None:
    plain = packet(values)
    longer = with_extension(plain, IDENTIFIER, b"abc")
    known, added = parse_packet(plain), parse_packet(longer)
    assert added.extensions == {**dict(values), IDENTIFIER: b"abc"}
    assert added.payload == known.payload
    assert longer[:2] == plain[:2]
    # The first one stays the first: it is stamped in place.
    assert longer[16:18] == plain[16:18]


@pytest.mark.parametrize(
    "plain",
    [
        packet([]),
        packet([(1, b"x")], bytes(MAX_PACKET_BYTES - 20)),
        packet([(1, b"x")]).replace(b"\xbe\xde", b"\x10\x00"),
    ],
)
def test_a_packet_without_a_block_or_room_is_left_alone(plain: bytes) -> None:
    assert with_extension(plain, IDENTIFIER, b"abc") == plain


def test_a_repair_is_told_with_its_packet_and_with_key_frames() -> None:
    hold = SourceHold()
    assert hold.take(0.0, is_key_frame=True) is None
    hold.repaired(0.1, 1.0)
    assert told_s(hold.take(1.0, is_key_frame=False)) == pytest.approx(hold_s(0.1))
    assert hold.take(1.1, is_key_frame=False) is None
    assert told_s(hold.take(2.0, is_key_frame=True)) == pytest.approx(hold_s(0.1))
    assert hold.seconds(2.0) == pytest.approx(hold_s(0.1))


def test_it_ends_with_a_key_frame_when_nothing_was_repaired_for_long() -> None:
    hold = SourceHold()
    hold.repaired(0.1, 0.0)
    hold.take(0.0, is_key_frame=False)
    assert hold.take(KEPT_S, is_key_frame=False) is None
    assert hold.seconds(KEPT_S) == 0.0
    assert told_s(hold.take(KEPT_S, is_key_frame=True)) == 0.0
    assert hold.take(KEPT_S + 1, is_key_frame=True) is None


# -- on the wire ----------------------------------------------------------------


async def test_what_is_sent_again_says_how_long_to_keep_pictures(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    publisher.send_video(2, KEY_FRAME)
    await viewer.until(lambda: viewer.rtp)
    sent = viewer.rtp[-1]
    assert SEND_PLAYOUT_DELAY_ID not in sent.extensions
    viewer.send_rtcp(build_nack(1, sent.ssrc, [sent.seq]))
    await viewer.until(lambda: len(viewer.rtp) > 1)
    again = viewer.rtp[-1]
    assert again.payload[2:] == sent.payload
    assert told_s(again.extensions[SEND_PLAYOUT_DELAY_ID]) == pytest.approx(
        hold_s(FIRST_ROUND_TRIP_S)
    )


async def test_the_very_same_bytes_once_more_say_nothing_new(
    still_relay: RunningRelay,
) -> None:
    """Other bytes under the same number would reuse a nonce."""
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM, rtx=False)
    publisher.send_video(2, KEY_FRAME)
    await viewer.until(lambda: viewer.rtp)
    viewer.send_rtcp(build_nack(1, viewer.rtp[-1].ssrc, [viewer.rtp[-1].seq]))
    await viewer.until(lambda: len(viewer.wire) > 1)
    assert viewer.wire[-1] == viewer.wire[-2]


async def test_what_a_publisher_sends_again_says_it_to_all_viewers(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    publisher.send_video(2, KEY_FRAME)
    publisher.send_video(4)
    await viewer.until(lambda: len(viewer.rtp) > 1)
    publisher.send_rtp(
        build_packet(
            payload_type=101,
            marker=True,
            seq=1,
            timestamp=3 * 3000,
            ssrc=RTX_SSRC,
            extensions=b"",
            payload=(3).to_bytes(2) + DELTA_FRAME,
        )
    )
    publisher.send_video(5)
    await viewer.until(lambda: len(viewer.rtp) > 3)
    told = [SEND_PLAYOUT_DELAY_ID in packet.extensions for packet in viewer.rtp]
    assert told == [False, False, True, False]
    assert viewer.rtp[2].payload == DELTA_FRAME


def test_viewers_are_offered_the_extension() -> None:
    assert (SEND_PLAYOUT_DELAY_ID, PLAYOUT_DELAY) in SEND_EXTENSIONS["video"]
