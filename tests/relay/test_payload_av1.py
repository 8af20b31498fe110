"""AV1 aggregation packets and sequence headers."""

import pytest

from relay.payload_av1 import is_key_frame_start, key_frame_size

# The sequence header of a stream of 320x180, without size field.
HEADER = bytes.fromhex("08000000043cfecc4af90040")
FRAME = bytes.fromhex("30a9a101")


def length(data: bytes) -> bytes:
    return bytes([len(data)])


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"\x18" + HEADER, id="alone"),
        pytest.param(b"\x28" + length(HEADER) + HEADER + FRAME, id="two elements"),
        pytest.param(
            b"\x08" + length(HEADER) + HEADER + length(FRAME) + FRAME,
            id="a length for each element",
        ),
        pytest.param(
            b"\x38\x02\x12\x00" + length(HEADER) + HEADER + FRAME,
            id="behind a temporal delimiter",
        ),
        pytest.param(b"\x18\x0a" + length(HEADER[1:]) + HEADER[1:], id="size field"),
        pytest.param(b"\x18\x0c\x00" + HEADER[1:], id="extension"),
        pytest.param(b"\x08\x00\x8c\x00" + HEADER, id="empty element, long length"),
    ],
)
def test_it_reads_the_size_of_a_sequence_header(payload: bytes) -> None:
    assert is_key_frame_start(payload)
    assert key_frame_size(payload) == (320, 180)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x08", id="aggregation header alone"),
        pytest.param(b"\x10" + FRAME, id="no new sequence"),
        pytest.param(b"\x98" + HEADER, id="continues an element"),
    ],
)
def test_it_is_no_key_frame_start(payload: bytes) -> None:
    assert not is_key_frame_start(payload)
    assert key_frame_size(payload) is None


def test_a_continued_element_is_not_taken_for_a_header() -> None:
    payload = b"\xa0" + length(HEADER) + HEADER + FRAME
    assert key_frame_size(payload) is None


def test_the_header_behind_a_continued_element_is_found() -> None:
    assert key_frame_size(b"\xa0\x02\x08\x00" + HEADER) == (320, 180)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"\x18" + HEADER[:6], id="truncated header"),
        pytest.param(b"\x18\x0a", id="no size"),
        pytest.param(b"\x18\x0c", id="no extension"),
        pytest.param(b"\x28" + b"\xff" * 9 + HEADER, id="length without end"),
        pytest.param(b"\x28\xff", id="truncated length"),
        pytest.param(b"\x18" + FRAME, id="another element"),
    ],
)
def test_it_tells_no_size_without_a_whole_header(payload: bytes) -> None:
    assert key_frame_size(payload) is None


def make_header(bits: str) -> bytes:
    bits += f"{9:04b}{8:04b}{639:010b}{359:09b}"
    bits += "0" * (-len(bits) % 8)
    return b"\x18\x08" + int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize(
    "bits",
    [
        pytest.param("0001100100", id="reduced still picture"),
        pytest.param("000000000000" + "0" * 12 + "00100", id="plain"),
        pytest.param("000000000000" + "0" * 12 + "010001", id="tier"),
        pytest.param(
            "000001" + "0" * 64 + "1001010000000" + "0" * 12 + "00100",
            id="timing without decoder model",
        ),
        pytest.param(
            "0000"
            "0"
            "1" + "0" * 64 + "0"
            "1"
            "00011" + "0" * 42 + "1"
            "00001"
            + ("0" * 12 + "001001" + "0" * 9 + "10101")
            + ("0" * 12 + "0010000"),
            id="decoder model and initial delay",
        ),
    ],
)
def test_it_reads_past_every_optional_part(bits: str) -> None:
    assert key_frame_size(make_header(bits)) == (640, 360)
