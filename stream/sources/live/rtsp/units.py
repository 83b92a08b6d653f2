"""Units of H.264 and H.265 in RTP payloads: alone, several in one packet, or in fragments."""

from __future__ import annotations

from collections.abc import Iterator

# Part of a unit with its head where it begins, and whether it does.
Part = tuple[bytes, bool]


class H264Units:
    """RFC 6184, section 5.2; types of units by ITU-T H.264, table 7-1."""

    _TOGETHER, _FRAGMENT = 24, 28
    _KEY, _SEI, _PARAMETERS = 5, 6, (6, 7, 8, 9)
    _RECOVERY = 6

    def parts(self, payload: bytes) -> Iterator[Part]:
        """Units and parts of units in a payload."""
        kind = payload[0] & 31
        if kind == self._TOGETHER:
            yield from _together(payload[1:])
        elif kind == self._FRAGMENT:
            if len(payload) < 3:
                return
            begins = bool(payload[1] & 128)
            head = bytes([payload[0] & 0xE0 | payload[1] & 31]) if begins else b""
            yield head + payload[2:], begins
        elif 0 < kind < self._TOGETHER:
            yield payload, True

    def is_picture(self, unit: bytes) -> bool:
        """True for coded slices."""
        return 1 <= unit[0] & 31 <= self._KEY

    def is_key(self, unit: bytes) -> bool:
        """True where decoding can begin: an IDR slice, or a message that says so (D.2.8)."""
        kind = unit[0] & 31
        return kind == self._KEY or (kind == self._SEI and self._RECOVERY in _messages(unit[1:]))

    def is_parameter(self, unit: bytes) -> bool:
        """True for what stands before the slices of a picture."""
        return unit[0] & 31 in self._PARAMETERS


class H265Units:
    """RFC 7798, section 4.4; types of units by ITU-T H.265, table 7-1."""

    _TOGETHER, _FRAGMENT = 48, 49
    _KEYS, _PICTURES, _PARAMETERS = range(16, 24), range(32), (32, 33, 34, 35, 39)

    def parts(self, payload: bytes) -> Iterator[Part]:
        """Units and parts of units in a payload."""
        kind = payload[0] >> 1 & 63
        if kind == self._TOGETHER:
            yield from _together(payload[2:])
        elif kind == self._FRAGMENT:
            if len(payload) < 4:
                return
            begins = bool(payload[2] & 128)
            head = bytes([payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1]]) if begins else b""
            yield head + payload[3:], begins
        elif kind < self._TOGETHER and len(payload) > 2:
            yield payload, True

    def is_picture(self, unit: bytes) -> bool:
        """True for coded slices."""
        return unit[0] >> 1 & 63 in self._PICTURES

    def is_key(self, unit: bytes) -> bool:
        """True where decoding can begin: pictures that are random access points."""
        return unit[0] >> 1 & 63 in self._KEYS

    def is_parameter(self, unit: bytes) -> bool:
        """True for what stands before the slices of a picture."""
        return unit[0] >> 1 & 63 in self._PARAMETERS


def _together(data: bytes) -> Iterator[Part]:
    """Units with their lengths before them."""
    place = 0
    while place + 2 < len(data):
        size = int.from_bytes(data[place : place + 2], "big")
        unit = data[place + 2 : place + 2 + size]
        if unit:
            yield unit, True
        place += 2 + size


def _messages(data: bytes) -> Iterator[int]:
    """Kinds of the messages of a unit (7.3.2.3.1)."""
    place = 0
    while place + 2 < len(data):
        numbers = []
        for _ in ("kind", "size"):
            total = 0
            while place < len(data) and data[place] == 255:
                total, place = total + 255, place + 1
            numbers.append(total + (data[place] if place < len(data) else 0))
            place += 1
        yield numbers[0]
        place += numbers[1]
