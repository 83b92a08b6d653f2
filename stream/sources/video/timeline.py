"""Times for the pictures of a file that only increase, even if those of the container do not."""

from __future__ import annotations

import heapq
import logging
from fractions import Fraction
from typing import Any

from av import VideoFrame

from stream.sources.video.containers import WRAP_TICKS

_log = logging.getLogger(__name__)

# A decoder may hold back this many pictures (H.264 and HEVC: the decoded picture buffer), so that stamps of
# packets, which come in decoding order, lie so far before the highest one in files that are in order.
REORDERED_FRAMES = 17
# All pictures before a key picture are shown before it, so that its stamp is higher than theirs. One frame of
# leeway for stamps that a camera rounds or that shake.
KEY_FRAMES = 2


class Timeline:
    """Places packets, and then the pictures they hold, on one clock.

    A file of joined recordings, whose stamps begin again, goes on one frame behind what came before. Where a
    container keeps decoding times only, pictures get these in the order in which they are shown. A picture
    without a stamp comes one frame behind the one before.
    """

    def __init__(
        self,
        name: str,
        rate: Fraction,
        time_base: Fraction,
        start_s: Fraction = Fraction(0),
        *,
        decoding_times: bool = False,
        wraps: bool = False,
    ) -> None:
        """Begin before the first packet.

        Args:
            name: of the file, for messages.
            rate: frames a second.
            time_base: unit of the stamps, in seconds.
            start_s: time of the first picture, if it has no stamp.
            decoding_times: the container's stamps are decoding times, see `decoding_order.py`.
            wraps: stamps have the 33 bits of MPEG-2 systems.
        """
        self._name, self._time_base = name, time_base
        self._frame_s = 1 / rate
        self._frame_ticks = max(1, round(self._frame_s / time_base))
        self._decoding_times, self._wraps = decoding_times, wraps
        self._offset = 0
        self._highest: int | None = None
        self._last_dts: int | None = None
        # Decoding times of packets whose pictures have not come out yet.
        self._waiting: list[int] = []
        self._next_s = start_s
        self._last_s: Fraction | None = None
        self._filled_in = False

    @property
    def can_jump(self) -> bool:
        """True if stamps alone give the time of a picture, independent of what was read before."""
        return not (self._decoding_times or self._wraps or self._offset)

    def jump(self, time_s: Fraction) -> None:
        """Forget what was read, after a jump to another place in the file.

        Args:
            time_s: of the next picture, if it has no stamp.
        """
        self._highest = self._last_dts = self._last_s = None
        self._waiting, self._next_s, self._filled_in = [], time_s, False

    def mend(self, packet: Any) -> None:
        """Put the stamp of a packet right before it is decoded; its picture carries the stamp on."""
        if self._decoding_times and packet.dts is not None:
            packet.pts = packet.dts
        if not packet.size or packet.pts is None:
            return
        self._offset += self._shift(packet)
        self._last_dts = packet.dts
        packet.pts += self._offset
        self._highest = packet.pts if self._highest is None else max(self._highest, packet.pts)
        if self._decoding_times:
            heapq.heappush(self._waiting, packet.pts)

    def _shift(self, packet: Any) -> int:
        """Ticks by which the clock of this packet is behind, where it begins again; else 0."""
        if self._highest is None:
            return 0
        back: int = self._highest - packet.pts - self._offset
        in_order = None not in (packet.dts, self._last_dts) and packet.dts >= self._last_dts
        limit = (KEY_FRAMES if packet.is_keyframe else REORDERED_FRAMES) * self._frame_ticks
        # libav may take stamps that begin again for stamps that wrap, and adds 2^33.
        wrapped = self._wraps and -back > WRAP_TICKS // 2
        if not wrapped and (in_order or back < limit):
            return 0
        # A warning once: there may be a recording a minute.
        _log.log(
            logging.INFO if self._offset else logging.WARNING,
            "%s: its time stamps begin again after %.3f s, as in joined recordings; the rest is put behind",
            self._name,
            float(self._highest * self._time_base),
        )
        return back + self._frame_ticks

    def failed(self, packet: Any, pictures: int = 1) -> None:
        """A packet that did not give its pictures; their time passes."""
        if packet.pts in self._waiting:
            self._waiting.remove(packet.pts)
            heapq.heapify(self._waiting)
        self._next_s += pictures * self._frame_s

    def time_s(self, picture: VideoFrame) -> Fraction | None:
        """The time of the next picture that the decoder gives; None where none is left for it.

        Args:
            picture: as decoded, in the order in which pictures are shown.

        Returns:
            Seconds, later than all before.
        """
        time_s = self._stamp_s(picture)
        filled_in = time_s is None
        if time_s is None:
            time_s = self._next_s
        elif self._last_s is not None and time_s <= self._last_s:
            if not self._filled_in:
                return None
            # Times that were filled in ran ahead of the stamps, which catch up.
            time_s, filled_in = self._next_s, True
        self._last_s, self._next_s, self._filled_in = time_s, time_s + self._frame_s, filled_in
        return time_s

    def _stamp_s(self, picture: VideoFrame) -> Fraction | None:
        if self._waiting:
            return heapq.heappop(self._waiting) * self._time_base
        if picture.pts is None or picture.time_base is None or self._decoding_times:
            return None
        return Fraction(picture.pts * picture.time_base)
