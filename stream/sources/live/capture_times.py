"""Capture times of the pictures of a live stream: the best that there is."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any

from av import VideoFrame

from stream.frame import ClockSource
from stream.sources.live.media_clock import MediaClock

# Times of packets whose pictures are still in the decoder.
_REMEMBERED = 64


class CaptureTimes:
    """The sender's clock by its RTCP reports, the kernel's stamp, the stream's own, or else arrival."""

    def __init__(self, stamps_are_dates: bool, untimed: bool) -> None:
        """Begin a connection.

        Args:
            stamps_are_dates: stamps are the kernel's, in seconds since 1970.
            untimed: stamps mean nothing.
        """
        self._stamps_are_dates, self._untimed = stamps_are_dates, untimed
        self._media = MediaClock()
        self._senders: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)

    def note(self, packet: Any) -> None:
        """Store the sender's time of a packet: in `opaque`, or as libav's side data."""
        if packet.pts is None:
            return
        if isinstance(packet.opaque, int):
            self._senders.append((packet.pts, packet.opaque))
        elif packet.has_sidedata("prft"):
            data = bytes(packet.get_sidedata("prft"))
            self._senders.append((packet.pts, int.from_bytes(data[:8], "little", signed=True)))

    def of(self, picture: VideoFrame, utc_s: Fraction) -> tuple[Fraction, ClockSource]:
        """The capture time of a picture and where it is from.

        Args:
            picture: decoded.
            utc_s: time of day at its arrival.
        """
        sender_us = next((us for pts, us in self._senders if pts == picture.pts), None)
        if sender_us is not None:
            return Fraction(sender_us, 1_000_000), "rtcp"
        stamp_s = self.stamp_s(picture)
        if stamp_s is None:
            return utc_s, "arrival"
        if self._stamps_are_dates:
            return stamp_s, "v4l2"
        return self._media.utc_s(stamp_s, utc_s), "pts"

    def stamp_s(self, picture: VideoFrame) -> Fraction | None:
        """Media time of a picture in seconds, None where there is none."""
        if picture.pts is None or picture.time_base is None or self._untimed:
            return None
        return picture.pts * picture.time_base
