"""RTP packets to coded pictures, H.264 (RFC 6184) and H.265 (RFC 7798).

The last packet of a picture has a mark. libav's RTSP client does not look at it, so that each picture waits
there until the next one begins: a thirtieth of a second for nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from stream.sources.live.rtsp.description import START_CODE
from stream.sources.live.rtsp.units import H264Units, H265Units

UNITS: dict[str, type[H264Units | H265Units]] = {"h264": H264Units, "hevc": H265Units}
# Marker bits are believed after this many pictures in which only the last packet was marked.
_BELIEVED_AFTER, _NEVER = 3, -(1 << 62)
_LAP, _HALF_LAP = 1 << 32, 1 << 31


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """A coded picture.

    Attributes:
        data: its units, with start codes.
        time: RTP time, counted on beyond 32 bits.
        is_key: it can be decoded without others.
        is_corrupt: part of it was lost, or what lies before it.
    """

    data: bytes
    time: int
    is_key: bool
    is_corrupt: bool


class AccessUnits:
    """Gathers the packets of one stream, which come in order.

    Cameras that mark other packets, or none, are recognised; their pictures end where the time changes.
    """

    def __init__(self, codec: str, payload_type: int) -> None:
        """Nothing has come yet.

        Args:
            codec: one of `UNITS`.
            payload_type: of the packets; others are passed over.
        """
        self._units, self._type = UNITS[codec](), payload_type
        self._next: int | None = None
        self._time: int | None = None
        self._data: list[bytes] = []
        self._has_picture = self._is_key = self._is_corrupt = False
        # Of the picture so far: packets are missing before it; it begins with parameter sets.
        self._after_gap = self._has_head = False
        # Of the picture so far: whether a packet before the newest one was marked, and whether that one is.
        self._early_mark = self._mark = False
        self._agreed, self._given = 0, False

    def push(self, packet: bytes) -> Iterator[AccessUnit]:
        """Take a packet in, and give the pictures that are whole by it."""
        if len(packet) < 12 or packet[0] >> 6 != 2 or packet[1] & 127 != self._type:
            return
        marked, number, time = packet[1] >> 7, *struct.unpack_from(">HI", packet, 2)
        payload = _payload(packet)
        if not payload:
            return
        lost = self._next is not None and number != self._next
        self._next = (number + 1) & 0xFFFF
        time = self._counted_on(time)
        if lost:
            self._lose(time)
        if time != self._time:
            if self._has_picture:
                self._judge()
                yield self._give()
            self._time, self._given, self._after_gap = time, False, self._after_gap or lost
        elif self._given:  # more of a picture that was taken for whole
            self._agreed, self._given, self._is_corrupt = _NEVER, False, True
        self._add(payload)
        self._early_mark, self._mark = self._early_mark or self._mark, bool(marked)
        if marked and self._has_picture and self._agreed >= _BELIEVED_AFTER:
            yield self._give()
            self._given = True

    def _add(self, payload: bytes) -> None:
        for part, begins in self._units.parts(payload):
            if begins:
                self._has_head = self._has_head or (not self._data and self._units.is_parameter(part))
                self._has_picture = self._has_picture or self._units.is_picture(part)
                self._is_key = self._is_key or self._units.is_key(part)
                self._data.append(START_CODE)
            else:  # of a slice, whose beginning may be lost
                self._is_corrupt = self._is_corrupt or not self._data
                self._has_picture = True
            self._data.append(part)

    def _lose(self, time: int) -> None:
        """Packets are missing before one of a time: of the picture so far, of the next, or of both."""
        is_whole = self._given or not self._has_picture or (self._mark and not self._early_mark)
        self._is_corrupt = self._is_corrupt or time == self._time or not is_whole
        self._early_mark = False

    def _judge(self) -> None:
        """Count a picture with marks as they should be; one without ends the belief in them."""
        if self._early_mark or (not self._mark and not self._is_corrupt):
            self._agreed = _NEVER
        elif self._mark:
            self._agreed += 1

    def _give(self) -> AccessUnit:
        assert self._time is not None
        # A key picture with all that goes before it needs nothing of what was lost.
        is_corrupt = self._is_corrupt or (self._after_gap and not (self._is_key and self._has_head))
        unit = AccessUnit(b"".join(self._data), self._time, self._is_key, is_corrupt)
        self._data = []
        self._has_picture = self._is_key = self._is_corrupt = self._early_mark = self._mark = False
        self._after_gap = self._has_head = False
        return unit

    def _counted_on(self, time: int) -> int:
        if self._time is None:
            return time
        step = (time - self._time + _HALF_LAP) % _LAP - _HALF_LAP
        return self._time + step


def _payload(packet: bytes) -> bytes:
    """A packet without its head and what fills it up."""
    begin = 12 + 4 * (packet[0] & 15)
    if packet[0] & 16 and len(packet) >= begin + 4:
        begin += 4 + 4 * int.from_bytes(packet[begin + 2 : begin + 4], "big")
    end = len(packet) - (packet[-1] if packet[0] & 32 else 0)
    return packet[begin:end]
