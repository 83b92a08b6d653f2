"""The part of two streams that is fused: a start, a stride, a number of frame pairs, and a scale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from stream.config import FuseSettings
from stream.errors import EndedError
from stream.frame import Frame, FramePair, FrameSet, Side, SingleFrame
from stream.sources.base import Source, SourceBase, SourceInfo

# Frames before the first moment that are read, so that it is paired as in the whole recording.
LEAD_S, LEAD_FRAMES = Fraction(1), 4

Size = tuple[int, int]


class Excerpt:
    """Chooses moments behind pairing, so that partners, offsets and times are those of the whole streams.

    Attributes:
        left_out: frames that were read and not asked for, by reason.
    """

    def __init__(self, settings: FuseSettings) -> None:
        """Nothing is read yet.

        Args:
            settings: of the excerpt; pairing and registration say what goes with it.
        """
        self._wanted = settings.excerpt
        self._start_s = Fraction(str(self._wanted.start_s))
        self._scale = self._wanted.scale
        self._has_calibration = settings.registration.file is not None
        pairing = settings.pairing
        known_ms = [each for each in (pairing.tolerance_ms, pairing.max_age_ms) if not isinstance(each, str)]
        self._lead_s = max(LEAD_S, *(2 * Fraction(str(each)) / 1000 for each in known_ms))
        offset_ms = 0.0 if pairing.offset_ms == "auto" else pairing.offset_ms
        self._offset_s = Fraction(str(offset_ms)) / 1000
        self._began_s: Fraction | None = None
        self._visible_size: Size | None = None
        self._skipped = 0
        self.left_out: Counter[str] = Counter()

    @property
    def is_smaller(self) -> bool:
        """True where pictures are made smaller, on the host."""
        return self._scale < 1

    def begin(self, source: Source, role: Side) -> None:
        """Leave unread what lies well before the first moment; the visible source comes first.

        Raises:
            EndedError: the source ends before it.
        """
        if not self._start_s or not isinstance(source, SourceBase):
            return
        if role == "visible":
            self._began_s = source.first_s
        if self._began_s is None:
            return
        lead_s = self._lead_s + LEAD_FRAMES / Fraction(source.info.rate or 1)
        offset_s = self._offset_s if role == "thermal" else Fraction(0)
        skipped = source.skip_before(self._began_s + self._start_s + offset_s - lead_s)
        self._skipped += skipped if role == "visible" else 0

    def watched(self, visible: Iterable[Frame]) -> Iterator[Frame]:
        """Visible frames as they come; the first gives the beginning of the recording."""
        for frame in visible:
            self._note(frame.time_s)
            yield frame

    def visible_info(self, info: SourceInfo, thermal: SourceInfo) -> SourceInfo:
        """Properties of the visible frames that are fused."""
        frames = None if info.frames is None else max(1, info.frames - self._skipped)
        if frames is not None and self._wanted.frames is not None:
            lead = round((self._lead_s if self._skipped else self._start_s) * (info.rate or 0))
            frames = min(frames, lead + self._wanted.frames * self._wanted.every)
        if not self.is_smaller:
            return replace(info, frames=frames)
        self._has_calibration |= info.alignment is not None
        width, height = self._smaller((info.width, info.height))
        aligned = info.alignment
        if aligned is not None and aligned.visible.size == (info.width, info.height):
            aligned = aligned.scaled((width, height), (thermal.width, thermal.height))
        return replace(info, frames=frames, width=width, height=height, alignment=aligned, luma=None)

    def thermal_info(self, info: SourceInfo, visible: SourceInfo) -> SourceInfo:
        """Properties of the thermal frames that are fused.

        Args:
            info: of the frames as they are read.
            visible: of the visible frames as they are read.
        """
        size = info.width, info.height
        if not self._goes_along(size, (visible.width, visible.height)):
            return info
        width, height = self._smaller(size)
        return replace(info, width=width, height=height)

    def pass_on(self, frame_sets: Iterable[FrameSet]) -> Iterator[FrameSet]:
        """The moments that are asked for.

        Raises:
            EndedError: the streams end before the first of them.
        """
        count, wanted, last_s = 0, self._wanted, None
        for frame_set in frame_sets:
            begin_s = self._note(frame_set.time_s) + self._start_s
            last_s = frame_set.time_s
            # Cameras have no start that is asked for, and their clocks may be set back.
            if self._start_s and frame_set.time_s < begin_s:
                self._leave_out(frame_set, "before_start")
                continue
            count += 1
            if (count - 1) % wanted.every:
                self._leave_out(frame_set, "between")
                continue
            yield self.scaled(frame_set)
            if wanted.frames is not None and count > (wanted.frames - 1) * wanted.every:
                return
        if not count and last_s is not None and self._began_s is not None:
            raise EndedError(
                f"the last moment that these streams share is {float(last_s - self._began_s):.3f} s after "
                f"the first visible frame, before --start {float(self._start_s):g}; give a smaller one"
            )

    def scaled(self, frame_set: FrameSet) -> FrameSet:
        """The same frame set in smaller pictures, if asked for."""
        if not self.is_smaller:
            return frame_set
        if frame_set.visible is not None:
            self._visible_size = frame_set.visible.size
        if isinstance(frame_set, SingleFrame):
            return replace(frame_set, frame=self._resized(frame_set.frame, frame_set.side))
        visible, thermal = frame_set.visible, frame_set.thermal
        return replace(
            frame_set, visible=self._resized(visible, "visible"), thermal=self._resized(thermal, "thermal")
        )

    def _note(self, time_s: Fraction) -> Fraction:
        if self._began_s is None:
            self._began_s = time_s
        return self._began_s

    def _leave_out(self, frame_set: FrameSet, reason: str) -> None:
        held = isinstance(frame_set, FramePair) and "held" in frame_set.flags
        self.left_out[f"visible_{reason}"] += frame_set.visible is not None
        self.left_out[f"thermal_{reason}"] += frame_set.thermal is not None and not held

    def _resized(self, frame: Frame, side: Side) -> Frame:
        if side == "thermal" and not self._goes_along(frame.size, self._visible_size):
            return frame
        size, pixels = self._smaller(frame.size), np.asarray(frame.pixels)
        return replace(frame, picture=np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)))

    def _goes_along(self, thermal: Size, visible: Size | None) -> bool:
        """True for thermal pictures that lie on the visible ones pixel by pixel."""
        return self.is_smaller and not self._has_calibration and thermal == visible

    def _smaller(self, size: Size) -> Size:
        """Even numbers, of the aspect ratio to a pixel, as calibrations and encoders take them."""
        width = max(2, 2 * round(size[0] * self._scale / 2))
        return width, max(2, 2 * round(size[1] * width / size[0] / 2))
