"""One part of a recording: its frames out of those that are fused for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from stream.batch.cutting.cut import Part
from stream.config import RunSettings
from stream.frame import FusedFrame

# Exact times of a moment and of both its frames, as texts.
Seam = list[str | None]


class PartFrames:
    """Passes the frames of a part on, numbered from 0, and ends with the next part's first one.

    Attributes:
        first: the first moment at the beginning of the part or behind it; None before it came.
        next: the first one at its end or behind it.
        overlap: frames that were fused before the part, for its state alone.
    """

    def __init__(self, part: Part, tell: Callable[[float], None]) -> None:
        """Begin before the first frame.

        Args:
            part: it.
            tell: called with the share of the part that is fused; never where it has no end.
        """
        self._part, self._tell = part, tell
        self.first: Seam | None = None
        self.next: Seam | None = None
        self.overlap = 0

    def of(self, frames: Iterable[FusedFrame]) -> Iterator[FusedFrame]:
        """The frames of the part among fused ones."""
        part = self._part
        for frame in frames:
            self._tell_share(frame.time)
            if frame.time < part.begin_s:
                self.overlap += 1
                continue
            self.first = self.first or seam_of(frame)
            if part.end_s is not None and frame.time >= part.end_s:
                self.next = seam_of(frame)
                return
            yield replace(frame, index=frame.index - self.overlap)

    def _tell_share(self, time_s: Fraction) -> None:
        part = self._part
        if part.end_s is not None and time_s > part.begin_s:
            self._tell(min(1.0, float((time_s - part.begin_s) / (part.end_s - part.begin_s))))

    def as_json(self) -> dict[str, Any]:
        """Plain values for the record of the part."""
        return {"first": self.first, "next": self.next, "overlap": self.overlap}


def seam_of(frame: FusedFrame) -> Seam:
    """Times of a fused frame and of what it was made of."""
    pair = frame.pair
    times_s = (None if side is None else str(side.time_s) for side in (pair.visible, pair.thermal))
    return [str(pair.time_s), *times_s]


def part_settings(settings: RunSettings, part: Part) -> RunSettings:
    """Settings of the run that fuses a part: from its overlap on, silent, whatever is lost.

    Sound and losses are matters of the whole.
    """
    excerpt = settings.excerpt.model_copy(update={"start_s": part.start_s, "frames": None})
    output = settings.outputs[0]
    if not output.uri.startswith("images://"):
        output = output.model_copy(update={"audio": False})
    return settings.model_copy(update={"excerpt": excerpt, "outputs": (output,), "allow_loss": True})
