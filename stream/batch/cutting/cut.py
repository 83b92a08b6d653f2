"""A cut of a recording as plain values, which travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self


class FuseWhole(Exception):
    """A recording that is not fused in parts; its text is a phrase on why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a recording.

    Attributes:
        number: from 0.
        start_s: seconds behind the first visible frame from which it is fused, in place of `--start`.
        begin_s: capture time of its first moment, or before it; what is fused before is not written.
        end_s: capture time of the next part's first moment, or before it; None for the last part.
    """

    number: int
    start_s: float
    begin_s: Fraction
    end_s: Fraction | None

    def as_json(self) -> dict[str, Any]:
        """Plain values for `from_json`; times are exact, as texts."""
        end = None if self.end_s is None else str(self.end_s)
        return {"number": self.number, "start_s": self.start_s, "begin_s": str(self.begin_s), "end_s": end}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The part that `as_json` wrote."""
        end = values["end_s"]
        begin_s, end_s = Fraction(values["begin_s"]), None if end is None else Fraction(end)
        return cls(values["number"], values["start_s"], begin_s, end_s)


@dataclass(frozen=True, slots=True)
class Cut:
    """A recording in parts.

    Attributes:
        parts: in the order of time.
        overlap_frames: moments that are fused before each part but the first.
        rate: visible frames a second.
        time_base: unit of the visible stream's time stamps, in seconds.
        audio: True where the visible file has sound.
    """

    parts: tuple[Part, ...]
    overlap_frames: int
    rate: Fraction
    time_base: Fraction
    audio: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values for `from_json`."""
        return {
            "parts": [part.as_json() for part in self.parts],
            "overlap_frames": self.overlap_frames,
            "rate": str(self.rate),
            "time_base": str(self.time_base),
            "audio": self.audio,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The cut that `as_json` wrote."""
        parts = tuple(map(Part.from_json, values["parts"]))
        rate, time_base = Fraction(values["rate"]), Fraction(values["time_base"])
        return cls(parts, values["overlap_frames"], rate, time_base, values["audio"])
