"""Key frames and their sizes, on real frames of every codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.payload import is_key_frame_start, key_frame_size, parser_for
from tests.relay.payloads import encode, packetize

Stream = tuple[str, list[bytes], list[bytes]]
CODECS = ("VP8", "VP9", "H264", "AV1")


@pytest.fixture(scope="module", params=CODECS)
def stream(request: pytest.FixtureRequest) -> Stream:
    """A codec and the RTP payloads of its key frame and of the frames after it."""
    codec = request.param
    key_frame, *others = encode(codec, 1100, 620)
    return (
        codec,
        packetize(codec, key_frame, is_key=True),
        [payload for frame in others for payload in packetize(codec, frame)],
    )


def test_only_the_first_packet_starts_the_key_frame(stream: Stream) -> None:
    codec, key_payloads, _ = stream
    found = [is_key_frame_start(codec, payload) for payload in key_payloads]
    assert found[0]
    if codec != "H264":  # parameter sets and picture may both start it
        assert not any(found[1:])


def test_no_packet_of_another_frame_starts_a_key_frame(stream: Stream) -> None:
    codec, _, other_payloads = stream
    assert other_payloads
    assert not any(is_key_frame_start(codec, payload) for payload in other_payloads)


def test_the_first_packet_tells_the_size(stream: Stream) -> None:
    codec, key_payloads, _ = stream
    assert key_frame_size(codec, key_payloads[0]) == (1100, 620)


def test_no_packet_of_another_frame_tells_a_size(stream: Stream) -> None:
    codec, _, other_payloads = stream
    assert all(key_frame_size(codec, payload) is None for payload in other_payloads)


def test_a_memoryview_reads_the_same(stream: Stream) -> None:
    codec, key_payloads, other_payloads = stream
    for payload in key_payloads + other_payloads:
        view = memoryview(b"header" + payload)[6:]
        assert is_key_frame_start(codec, view) == is_key_frame_start(codec, payload)
        assert key_frame_size(codec, view) == key_frame_size(codec, payload)


def test_a_truncated_packet_tells_the_right_size_or_none(stream: Stream) -> None:
    codec, key_payloads, _ = stream
    sizes = {
        key_frame_size(codec, key_payloads[0][:length])
        for length in range(min(len(key_payloads[0]), 80))
    }
    assert sizes <= {None, (1100, 620)}


@pytest.mark.parametrize("codec", CODECS)
@given(payload=st.binary(max_size=80))
def test_arbitrary_bytes_never_raise(codec: str, payload: bytes) -> None:
    parser = parser_for(codec)
    assert isinstance(parser.is_key_frame_start(payload), bool)
    size = parser.key_frame_size(payload)
    assert size is None or (size[0] > 0 and size[1] > 0)


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.data())
def test_a_damaged_key_frame_never_raises(codec: str, data: st.DataObject) -> None:
    payload = bytearray(KEY_PAYLOADS[codec])
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(
            st.integers(0, 255)
        )
    parser = parser_for(codec)
    parser.is_key_frame_start(bytes(payload))
    parser.key_frame_size(bytes(payload))


# The heads of captured key frames of 320x180.
KEY_PAYLOADS = {
    "VP8": bytes.fromhex("908080019047009d012a4001b400000708858588858488020201d807"),
    "VP9": bytes.fromhex("889234824983420013f00b360c38241c18420007307f91e3b99be8"),
    "H264": bytes.fromhex("6764000dacb202833f3c20000003002000000791e30a4c9000"),
    "AV1": bytes.fromhex("180a000000043cfecc4af9004032a9a101"),
}


def test_a_codec_is_found_in_any_case() -> None:
    assert parser_for("vp8") is parser_for("VP8")


@pytest.mark.parametrize("codec", ["opus", "H265", ""])
def test_it_rejects_a_codec_without_a_parser(codec: str) -> None:
    with pytest.raises(ValueError, match="codec"):
        is_key_frame_start(codec, b"")
    with pytest.raises(ValueError, match="codec"):
        key_frame_size(codec, b"")
