"""H.264 pictures as RTP packets (RFC 3550, RFC 6184), and the sender's reports on them."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from fractions import Fraction

PAYLOAD_TYPE = 96
RTP_CLOCK = 90_000
PAYLOAD = 1400
SECONDS_1900_TO_1970 = 2_208_988_800
# Types of H.264 units: part of a key picture, and a fragment.
KEY_UNIT, FRAGMENT = 5, 28


class RtpStream:
    """The packets of one receiver, counted."""

    def __init__(self) -> None:
        self._sequence, self._source = random.randrange(1 << 16), random.randrange(1 << 32)
        self._packets = self._octets = 0

    def packets(self, units: list[bytes], clock_s: Fraction) -> Iterator[bytes]:
        """The packets of one picture, from its H.264 units without start codes."""
        for unit in units[:-1]:
            yield from self._unit(unit, clock_s, last=False)
        yield from self._unit(units[-1], clock_s, last=True)

    def sound(self, payload: bytes, clock_s: Fraction) -> bytes:
        """A packet of sound: 8000 samples a second, a byte each (PCMU, RFC 3551)."""
        head = struct.pack(
            ">BBHII", 0x80, 0, self._sequence, int(clock_s * 8000) & 0xFFFFFFFF, self._source
        )  # fmt: skip
        self._sequence = (self._sequence + 1) & 0xFFFF
        return head + payload

    def report(self, clock_s: Fraction, ahead_s: Fraction = Fraction(0)) -> bytes:
        """A sender report: which time of the sender's clock belongs to which RTP time.

        Args:
            clock_s: the RTP time, in seconds.
            ahead_s: by how much the sender's clock has been set ahead since it began.
        """
        told_s = clock_s + ahead_s
        seconds = int(told_s)
        fraction = int((told_s - seconds) * (1 << 32))
        return struct.pack(
            ">BBHIIIIII", 0x80, 200, 6, self._source, seconds + SECONDS_1900_TO_1970, fraction,
            _rtp_time(clock_s), self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF,
        )  # fmt: skip

    def _unit(self, unit: bytes, clock_s: Fraction, last: bool) -> Iterator[bytes]:
        if len(unit) <= PAYLOAD:
            yield self._packet(unit, clock_s, last)
            return
        head, rest = unit[0], unit[1:]
        for place in range(0, len(rest), PAYLOAD):
            part, first, end = rest[place : place + PAYLOAD], place == 0, place + PAYLOAD >= len(rest)
            fragment = bytes([head & 0xE0 | FRAGMENT, (first << 7) | (end << 6) | head & 0x1F]) + part
            yield self._packet(fragment, clock_s, last and end)

    def _packet(self, payload: bytes, clock_s: Fraction, marker: bool) -> bytes:
        head = struct.pack(
            ">BBHII", 0x80, PAYLOAD_TYPE | marker << 7, self._sequence, _rtp_time(clock_s), self._source
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._packets, self._octets = self._packets + 1, self._octets + len(payload)
        return head + payload


def has_key(units: list[bytes]) -> bool:
    """True where a picture, given as its units, can be decoded without others."""
    return any(unit[0] & 31 == KEY_UNIT for unit in units)


def _rtp_time(clock_s: Fraction) -> int:
    return int(clock_s * RTP_CLOCK) & 0xFFFFFFFF
