"""VP9 payload descriptor, scalability structure and frame header."""

from struct import pack

import pytest

from relay.payload_vp9 import is_key_frame_start, key_frame_size

FRAME = bytes.fromhex("824983420013f00b360c3824")  # a key frame of 320x180


@pytest.mark.parametrize(
    "descriptor",
    [
        pytest.param("08", id="plain"),
        pytest.param("8811", id="short picture id"),
        pytest.param("889111", id="long picture id"),
        pytest.param("a891110005", id="layers"),
        pytest.param("280005", id="layers without picture id"),
        pytest.param("b8911100", id="layers in flexible mode"),
        pytest.param("0a00", id="structure without sizes"),
        pytest.param("0a0802140018aabb", id="structure with a picture group"),
    ],
)
def test_it_finds_the_frame_behind_any_descriptor(descriptor: str) -> None:
    payload = bytes.fromhex(descriptor) + FRAME
    assert is_key_frame_start(payload)
    assert key_frame_size(payload) == (320, 180)


def test_the_structure_tells_the_largest_layer() -> None:
    sizes = pack("!HHHHHH", 320, 180, 640, 360, 1280, 720)
    payload = b"\xaa\x91\x11\x00\x05" + b"\x50" + sizes + FRAME
    assert key_frame_size(payload) == (1280, 720)


def test_a_structure_of_zeros_leaves_the_frame_to_tell() -> None:
    assert key_frame_size(b"\x0a\x10" + bytes(4) + FRAME) == (320, 180)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x08", id="nothing behind the descriptor"),
        pytest.param(b"\xa8", id="no picture id"),
        pytest.param(b"\xa8\x91\x11", id="no layers"),
        pytest.param(b"\x48" + FRAME, id="inter-predicted"),
        pytest.param(b"\x00" + FRAME, id="not the start of a frame"),
        pytest.param(b"\x28\x02\x05" + FRAME, id="upper spatial layer"),
    ],
)
def test_it_is_no_key_frame_start(payload: bytes) -> None:
    assert not is_key_frame_start(payload)
    assert key_frame_size(payload) is None


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(FRAME[:8], id="truncated"),
        pytest.param(b"\x42" + FRAME[1:], id="wrong frame marker"),
        pytest.param(b"\x8a" + FRAME[1:], id="existing frame shown"),
        pytest.param(b"\x86" + FRAME[1:], id="inter frame"),
        pytest.param(b"\x82\x00" + FRAME[2:], id="wrong sync code"),
    ],
)
def test_a_start_without_a_readable_size(rest: bytes) -> None:
    assert key_frame_size(b"\x08" + rest) is None


@pytest.mark.parametrize("structure", ["", "f0", "500140", "08", "08ff", "0801"])
def test_a_truncated_structure_tells_no_size(structure: str) -> None:
    assert key_frame_size(b"\x0a" + bytes.fromhex(structure)) is None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("a249834200050202d2c007048383", id="4:4:4"),
        pytest.param("a2498342e0281016960038241c18", id="RGB"),
    ],
)
def test_it_reads_what_libvpx_wrote_in_profile_one(frame: str) -> None:
    assert key_frame_size(b"\x08" + bytes.fromhex(frame)) == (642, 362)


@pytest.mark.parametrize(
    "bits",
    [
        pytest.param("10010010{sync}00010", id="profile 2"),
        pytest.param("101100010{sync}00010000", id="profile 3"),
        pytest.param("101100010{sync}01110", id="profile 3, RGB"),
    ],
)
def test_it_reads_the_profiles_of_more_than_eight_bits(bits: str) -> None:
    bits = bits.format(sync=f"{0x498342:024b}") + f"{641:016b}{361:016b}"
    bits += "0" * (-len(bits) % 8)
    frame = int(bits, 2).to_bytes(len(bits) // 8, "big")
    assert key_frame_size(b"\x08" + frame) == (642, 362)
