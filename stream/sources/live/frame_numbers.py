"""Gaps in the frame numbers of H.264: reference pictures that were lost on their way.

A decoder conceals such a gap and gives out pictures that show something else than the camera saw. Only the
beginnings of units are read (ITU-T H.264, 7.3.2.1.1 sequence parameter set, 7.3.3 slice header, 7.4.3
`frame_num`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_START_CODE = re.compile(b"\x00\x00\x01")
_SLICE, _PARTITION, _IDR_SLICE, _PARAMETERS = 1, 2, 5, 7
# Profiles whose parameter sets tell of chroma and scaling lists.
_HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
# Bytes of a slice that are looked at: the frame number is within them.
_SLICE_HEAD_BYTES = 32
# First byte of a configuration record, in which units have lengths before them in place of start codes.
_RECORD = 1


class FrameNumbers:
    """Follows the frame numbers of one stream."""

    def __init__(self, head: bytes | None) -> None:
        """Begin a stream.

        Args:
            head: what the container says of the codec (`extradata`), with parameter sets; None without one.
        """
        self._format: _Format | None = None
        self._reference: int | None = None
        self._length_bytes = 0
        if head and head[0] == _RECORD and len(head) > 6:
            self._length_bytes = (head[4] & 3) + 1
            self._take_parameters(head[8 : 8 + int.from_bytes(head[6:8], "big")])
        elif head:
            for unit in self._units(head):
                self._take_parameters(unit)

    def misses_reference(self, picture: bytes) -> bool:
        """True when a reference picture is missing before this one, or its own beginning is.

        Args:
            picture: one coded picture, as a packet has it.
        """
        if not self._length_bytes and not picture.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
            return True
        for unit in self._units(picture):
            kind = unit[0] & 31
            if kind == _PARAMETERS:
                self._take_parameters(unit)
            elif kind in (_SLICE, _PARTITION, _IDR_SLICE):
                return self._take_slice(unit, kind)
        return False

    def _units(self, data: bytes) -> Iterator[bytes]:
        if self._length_bytes:
            place = 0
            while place + self._length_bytes < len(data):
                size = int.from_bytes(data[place : place + self._length_bytes], "big")
                place += self._length_bytes
                if size:
                    yield data[place : place + size]
                place += size
            return
        begins = [match.end() for match in _START_CODE.finditer(data)]
        for begin, end in zip(begins, [*(begin - 3 for begin in begins[1:]), len(data)], strict=True):
            if begin < end:
                yield data[begin:end]

    def _take_parameters(self, unit: bytes) -> None:
        if unit and unit[0] & 31 == _PARAMETERS:
            self._format = _read_parameters(_Bits(unit[1:]))

    def _take_slice(self, unit: bytes, kind: int) -> bool:
        if self._format is None:
            return False
        bits = _Bits(unit[1:_SLICE_HEAD_BYTES])
        for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
            bits.golomb()
        if self._format.has_planes:
            bits.number(2)
        number, before = bits.number(self._format.number_bits), self._reference
        if unit[0] >> 5 & 3:  # a reference itself
            self._reference = number
        if kind == _IDR_SLICE or before is None or self._format.may_skip:
            return False
        return number not in (before, (before + 1) % (1 << self._format.number_bits))


@dataclass(frozen=True, slots=True)
class _Format:
    """Frame numbers by a sequence parameter set: bits, whether they may skip, and colour planes."""

    number_bits: int
    may_skip: bool
    has_planes: bool


def _read_parameters(bits: _Bits) -> _Format:
    profile = bits.number(8)
    bits.number(16)
    bits.golomb()
    has_planes = False
    if profile in _HIGH_PROFILES:
        chroma = bits.golomb()
        has_planes = chroma == 3 and bool(bits.number(1))
        bits.golomb()
        bits.golomb()
        bits.number(1)
        if bits.number(1):
            for index in range(12 if chroma == 3 else 8):
                if bits.number(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    number_bits = bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.number(1)
        bits.golomb()
        bits.golomb()
        for _ in range(bits.golomb()):
            bits.golomb()
    bits.golomb()
    return _Format(number_bits, bool(bits.number(1)), has_planes)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


class _Bits:
    """Bits of a unit after its first byte; beyond its end there are zeros."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value, self._left = int.from_bytes(data, "big"), len(data) * 8

    def number(self, count: int) -> int:
        """The next so many bits."""
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return shifted & ((1 << count) - 1)

    def golomb(self) -> int:
        """An unsigned number in Exp-Golomb code (9.1)."""
        zeros = 0
        while self._left > 0 and not self.number(1):
            zeros += 1
        return (1 << zeros) - 1 + self.number(zeros)

    def signed_golomb(self) -> int:
        """A signed number in Exp-Golomb code (9.1.1)."""
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)
