"""VP8 payload descriptor and frame header."""

import pytest

from relay.payload_vp8 import is_key_frame_start, key_frame_size

FRAME = bytes.fromhex("9047009d012a4001b40000")  # a key frame of 320x180


@pytest.mark.parametrize(
    "descriptor",
    [
        pytest.param("10", id="plain"),
        pytest.param("30", id="non-reference"),
        pytest.param("908011", id="short picture id"),
        pytest.param("90809111", id="long picture id"),
        pytest.param("904022", id="layer index"),
        pytest.param("902022", id="temporal layer"),
        pytest.param("901022", id="key index"),
        pytest.param("90f0911122ff", id="everything"),
        pytest.param("9000", id="empty extension"),
    ],
)
def test_it_finds_the_frame_behind_any_descriptor(descriptor: str) -> None:
    payload = bytes.fromhex(descriptor) + FRAME
    assert is_key_frame_start(payload)
    assert key_frame_size(payload) == (320, 180)
    inter_frame = bytes.fromhex(descriptor) + bytes([FRAME[0] | 1]) + FRAME[1:]
    assert not is_key_frame_start(inter_frame)
    assert key_frame_size(inter_frame) is None


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x10", id="nothing behind the descriptor"),
        pytest.param(b"\x90", id="descriptor without extension"),
        pytest.param(b"\x90\x80", id="extension without picture id"),
        pytest.param(b"\x90\xf0\x91\x11", id="extension cut off"),
        pytest.param(b"\x00" + FRAME, id="not the start of a partition"),
        pytest.param(b"\x11" + FRAME, id="second partition"),
    ],
)
def test_it_is_no_key_frame_start(payload: bytes) -> None:
    assert not is_key_frame_start(payload)
    assert key_frame_size(payload) is None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(FRAME[:9], id="truncated"),
        pytest.param(FRAME[:3] + b"\0" + FRAME[4:], id="wrong start code"),
        pytest.param(FRAME[:6] + bytes(4), id="zero"),
    ],
)
def test_a_key_frame_without_a_readable_size(frame: bytes) -> None:
    assert is_key_frame_start(b"\x10" + frame)
    assert key_frame_size(b"\x10" + frame) is None


def test_the_scaling_hint_is_no_part_of_the_size() -> None:
    frame = FRAME[:6] + b"\x40\xc1\xb4\x40"
    assert key_frame_size(b"\x10" + frame) == (320, 180)
