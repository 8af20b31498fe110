"""Bits and Exp-Golomb numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.bits import BitReader


def test_it_reads_most_significant_bits_first() -> None:
    reader = BitReader(memoryview(b"\xa5\x0f"))
    assert [reader.read(count) for count in (1, 3, 4, 0)] == [1, 2, 5, 0]
    reader.skip(4)
    assert reader.read(4) == 15


@pytest.mark.parametrize("method", ["read", "skip"])
def test_it_rejects_reading_past_the_end(method: str) -> None:
    reader = BitReader(b"\xff")
    reader.skip(7)
    with pytest.raises(ValueError, match="truncated"):
        getattr(reader, method)(2)
    assert reader.read(1) == 1


@pytest.mark.parametrize(
    ("code", "unsigned", "signed"),
    [("1", 0, 0), ("010", 1, 1), ("011", 2, -1), ("00100", 3, 2), ("00111", 6, -3)],
)
def test_it_reads_exp_golomb_numbers(code: str, unsigned: int, signed: int) -> None:
    data = int(code.ljust(8, "0"), 2).to_bytes(1, "big")
    assert BitReader(data).read_unsigned_golomb() == unsigned
    assert BitReader(data).read_signed_golomb() == signed


def test_it_rejects_a_number_that_is_too_long() -> None:
    with pytest.raises(ValueError, match="too long"):
        BitReader(bytes(5) + b"\xff" * 5).read_unsigned_golomb()


@given(st.binary(max_size=12))
def test_arbitrary_bytes_raise_nothing_but_value_error(data: bytes) -> None:
    reader = BitReader(data)
    try:
        for _ in range(200):
            reader.read_signed_golomb()
    except ValueError:
        return
    pytest.fail("the reader did not end")
