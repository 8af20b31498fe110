"""H.264 packets, and sequence parameter sets of many kinds."""

import pytest

from relay.payload_h264 import is_key_frame_start, key_frame_size

SPS = bytes.fromhex("6764000dacb202833f3c20000003002000000791e30a4c90")  # 320x180
PPS = bytes.fromhex("68ebccb22c")
IDR = b"\x65\x88\x84\x00"
LATER_IDR_SLICE = b"\x65\x41\x00\x00"
SLICE = b"\x41\x9a\x00\x00"


def make_stap_a(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(SPS, id="SPS"),
        pytest.param(IDR, id="IDR picture"),
        pytest.param(b"\x7c\x85\x88", id="first fragment of an IDR picture"),
        pytest.param(make_stap_a(SPS, PPS), id="parameter sets together"),
        pytest.param(make_stap_a(b"\x09\x10", SPS, PPS, IDR), id="all together"),
        pytest.param(make_stap_a(PPS, IDR), id="IDR picture behind a PPS"),
    ],
)
def test_it_is_a_key_frame_start(payload: bytes) -> None:
    assert is_key_frame_start(payload)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x67", id="SPS header alone"),
        pytest.param(b"\x65", id="IDR header alone"),
        pytest.param(SLICE, id="other picture"),
        pytest.param(PPS, id="PPS"),
        pytest.param(LATER_IDR_SLICE, id="later slice of an IDR picture"),
        pytest.param(b"\x7c\x05\x88", id="middle fragment of an IDR picture"),
        pytest.param(b"\x7c\x45\x88", id="last fragment of an IDR picture"),
        pytest.param(b"\x7c\x85\x41", id="first fragment of a later slice"),
        pytest.param(b"\x7c\x81\x88", id="first fragment of another picture"),
        pytest.param(b"\x7c\x85", id="fragment without data"),
        pytest.param(b"\x7c", id="fragment without header"),
        pytest.param(make_stap_a(SLICE, SLICE), id="other pictures together"),
        pytest.param(make_stap_a(b"", SPS), id="empty unit"),
        pytest.param(make_stap_a(SPS)[:-1], id="truncated unit"),
        pytest.param(make_stap_a(b"\x65"), id="IDR header alone together"),
    ],
)
def test_it_is_no_key_frame_start(payload: bytes) -> None:
    assert not is_key_frame_start(payload)


@pytest.mark.parametrize("payload", [SPS, make_stap_a(PPS, SPS, IDR)])
def test_it_reads_the_size_of_an_sps(payload: bytes) -> None:
    assert key_frame_size(payload) == (320, 180)


@pytest.mark.parametrize("payload", [b"", IDR, SLICE, make_stap_a(PPS, IDR), SPS[:8]])
def test_it_tells_no_size_without_a_whole_sps(payload: bytes) -> None:
    assert key_frame_size(payload) is None


@pytest.mark.parametrize(
    ("sps", "size"),
    [
        pytest.param(
            "6742c01fd9004504feee10000003001000000303c8f1832480",
            (1100, 620),
            id="baseline",
        ),
        pytest.param(
            "674d4028d900780227a9a10000030001000003003c8f183248",
            (1918, 1078),
            id="main, cropped both ways",
        ),
        pytest.param(
            "6764001facb200a00b7420000003002000000791e30649", (1280, 720), id="high"
        ),
        pytest.param(
            "6764001face402d093f242000003000200000300793e2c5c90",
            (720, 564),
            id="interlaced",
        ),
        pytest.param(
            "677a000dbcb202a33c445c20000003002000000791e28549", (322, 182), id="4:2:2"
        ),
        pytest.param(
            "67f4000d91964054678e8a84000003000400000300f23c50a920",
            (323, 183),
            id="4:4:4",
        ),
        pytest.param(
            "676e000da6cb202833f342000003000200000300791e285490",
            (320, 182),
            id="ten bits",
        ),
        pytest.param(
            "6764000df2c80a8cf0846420000003002000000791e28549",
            (321, 181),
            id="monochrome",
        ),
    ],
)
def test_it_reads_what_x264_wrote(sps: str, size: tuple[int, int]) -> None:
    assert key_frame_size(bytes.fromhex(sps)) == size


class BitWriter:
    """Writes what a bit reader reads."""

    def __init__(self) -> None:
        self.bits = ""

    def put(self, *values: tuple[int, int]) -> None:
        self.bits += "".join(f"{value:0{count}b}" for value, count in values)

    def golomb(self, *values: int) -> None:
        for value in values:
            code = f"{value + 1:b}"
            self.bits += "0" * (len(code) - 1) + code

    def sps(self) -> bytes:
        bits = self.bits + "1"
        bits += "0" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big")
        escaped = bytearray()
        for octet in data:
            if escaped[-2:] == b"\0\0" and octet <= 3:
                escaped.append(3)
            escaped.append(octet)
        return b"\x67" + bytes(escaped)


def write_tail(
    writer: BitWriter, width_mbs: int, height_mbs: int, cropping: tuple[int, ...] = ()
) -> None:
    writer.golomb(4)  # max_num_ref_frames
    writer.put((0, 1))
    writer.golomb(width_mbs - 1, height_mbs - 1)
    writer.put((1, 1), (1, 1))  # frame_mbs_only_flag, direct_8x8_inference_flag
    writer.put((1 if cropping else 0, 1))
    writer.golomb(*cropping)
    writer.put((0, 1))


def make_order_count_sps(cycle: int) -> bytes:
    writer = BitWriter()
    writer.put((66, 8), (0, 8), (31, 8))
    writer.golomb(0, 0, 1)
    writer.put((0, 1))
    writer.golomb(0, 3, cycle, *range(min(cycle, 300)))
    write_tail(writer, 40, 30)
    return writer.sps()


def test_it_reads_past_a_picture_order_count_cycle() -> None:
    assert key_frame_size(make_order_count_sps(20)) == (640, 480)


def test_a_cycle_out_of_range_tells_no_size() -> None:
    assert key_frame_size(make_order_count_sps(256)) is None


def test_it_reads_past_picture_order_count_type_two() -> None:
    writer = BitWriter()
    writer.put((66, 8), (0, 8), (31, 8))
    writer.golomb(0, 0, 2)
    write_tail(writer, 2, 2)
    assert key_frame_size(writer.sps()) == (32, 32)


def write_444(separate: int) -> BitWriter:
    writer = BitWriter()
    writer.put((244, 8), (0, 8), (31, 8))
    writer.golomb(0, 3)
    writer.put((separate, 1))
    writer.golomb(0, 0)
    writer.put((0, 1), (1, 1))
    writer.put((1, 1))  # a list whose second scale is 0: it ends there
    writer.golomb(0, 16)
    writer.put((0, 11))  # the other lists are not there
    writer.golomb(0, 2)
    return writer


@pytest.mark.parametrize("separate", [0, 1])
def test_it_reads_past_scaling_lists_of_444(separate: int) -> None:
    writer = write_444(separate)
    write_tail(writer, 40, 30, cropping=(1, 2, 3, 4))
    assert key_frame_size(writer.sps()) == (637, 473)


def test_it_reads_past_a_scaling_list_that_does_not_end_early() -> None:
    writer = BitWriter()
    writer.put((100, 8), (0, 8), (31, 8))
    writer.golomb(0, 1, 0, 0)
    writer.put((0, 1), (1, 1), (1, 1))
    writer.golomb(*[1] * 16)
    writer.put((0, 7))
    writer.golomb(0, 2)
    write_tail(writer, 40, 30)
    assert key_frame_size(writer.sps()) == (640, 480)


@pytest.mark.parametrize(
    ("width_mbs", "cropping"), [(1, (8, 8, 0, 0)), (2000, ()), (2, (0, 0, 9, 9))]
)
def test_a_senseless_size_is_none(width_mbs: int, cropping: tuple[int, ...]) -> None:
    writer = BitWriter()
    writer.put((66, 8), (0, 8), (31, 8))
    writer.golomb(0, 0, 2)
    write_tail(writer, width_mbs, 2, cropping=cropping)
    assert key_frame_size(writer.sps()) is None


def test_a_number_without_end_tells_no_size() -> None:
    assert key_frame_size(b"\x67\x42\x00\x1f" + bytes(60)) is None
