"""Reads single bits of codec headers, most significant first."""

from __future__ import annotations

# H.264 and AV1 codes for 32-bit values never have more leading zeros than this.
_MAX_LEADING_ZEROS = 32


class BitReader:
    """A position in `data` (bytes or memoryview). Reading past its end raises."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes | memoryview) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        """The next `count` bits as an unsigned number.

        Raises:
            ValueError: fewer than `count` bits are left.
        """
        if count > self._left:
            raise ValueError("the header is truncated")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """`count` bits are behind.

        Raises:
            ValueError: fewer than `count` bits are left.
        """
        if count > self._left:
            raise ValueError("the header is truncated")
        self._left -= count

    def read_unsigned_golomb(self) -> int:
        """One Exp-Golomb number: ue(v) of H.264 9.1, uvlc() of AV1 4.10.3.

        Raises:
            ValueError: truncated, or more than 32 bits long.
        """
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > _MAX_LEADING_ZEROS:
                raise ValueError("an Exp-Golomb number is too long")
        return (1 << zeros) - 1 + self.read(zeros)

    def read_signed_golomb(self) -> int:
        """One Exp-Golomb number with a sign: se(v) of H.264 9.1.1.

        Raises:
            ValueError: as `read_unsigned_golomb`.
        """
        code = self.read_unsigned_golomb()
        return (code + 1) // 2 if code & 1 else -(code // 2)
