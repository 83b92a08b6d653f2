"""Frames of a pair since it was first started: the counts of all its processes, added up.

Of each process the newest counts are kept, first those of its last answer, then those of its final report.
Frames that a killed process had taken in and not yet fused or dropped by its last answer count as dropped,
with the reason `process_lost`: frames in = fused + dropped, over any number of restarts. Frames that it took
in after its last answer are in no count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

SIDES = ("visible", "thermal")
PROCESS_LOST = "process_lost"
# A late report of an earlier process still replaces its last answer while the process is one of so many.
RUNS_KEPT = 16
# Names of processes before those, whose reports come too late.
NAMES_KEPT = 200


@dataclass(slots=True)
class Counts:
    """Frames of one process, or of several.

    Attributes:
        frames_in: frames that came, by side.
        fused: fused frames.
        used: frames that went into fused frames, by side.
        dropped: frames that did not, by side and reason, as in `visible_unpaired`.
    """

    frames_in: Counter[str] = field(default_factory=Counter)
    fused: int = 0
    used: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def waiting(self, side: str) -> int:
        """Frames that came and are neither used nor dropped; below zero where they were not read at once."""
        return self.frames_in[side] - self.used[side] - self.dropped_of(side)

    def dropped_of(self, side: str) -> int:
        """Frames of a side that were dropped for any reason."""
        return sum(count for reason, count in self.dropped.items() if reason.startswith(f"{side}_"))

    def closed(self) -> Counts:
        """The same for a process that is gone: what waited is dropped."""
        done = Counts(self.frames_in.copy(), self.fused, self.used.copy(), self.dropped.copy())
        for side in SIDES:
            waiting = done.waiting(side)
            done.dropped[f"{side}_{PROCESS_LOST}"] += max(0, waiting)
            done.frames_in[side] += max(0, -waiting)
        return done

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.frames_in + other.frames_in,
            self.fused + other.fused,
            self.used + other.used,
            self.dropped + other.dropped,
        )

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "frames_in": {side: self.frames_in[side] for side in SIDES},
            "fused": self.fused,
            "used": {side: self.used[side] for side in SIDES},
            "dropped": {reason: count for reason, count in self.dropped.items() if count},
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Counts:
        """From what `as_json` gave."""
        return cls(
            Counter(values["frames_in"]), values["fused"], Counter(values["used"]), Counter(values["dropped"])
        )


def counts_of_status(status: dict[str, Any]) -> Counts:
    """Counts of a process from its status or its report, which name them alike.

    Where every fused frame is of a pair, frames on their way to fusion are not used yet. Where frames are
    fused alone or held, it is not known of which side those few are, and they count as used.
    """
    frames_in, dropped = Counter(status["frames_in"]), Counter(status["dropped"])
    live = status.get("live") or {}
    moments = Counter(status.get("moments") or live.get("moments") or {})
    used = Counter(status.get("used") or live.get("used") or {})
    if not moments["held"] and not moments["single"]:
        used = Counter({side: status["fused"] for side in SIDES})
    return Counts(frames_in, status["fused"], used, dropped)


class Ledger:
    """Counts of all processes of a pair."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        """Begin at nothing, or go on.

        Args:
            values: of `as_json`.
        """
        if values is None:
            values = {"earlier": Counts().as_json(), "runs": {}, "starts": 0, "names": []}
        self.starts: int = values["starts"]
        self._earlier = Counts.from_json(values["earlier"])
        self._names: list[str] = list(values["names"])
        self._runs = {run: (Counts.from_json(each), final) for run, (each, final) in values["runs"].items()}

    def note(self, run: str, counts: Counts, final: bool) -> None:
        """Take the newest counts of a process.

        Args:
            run: name of the process.
            counts: since it began.
            final: True for its report, which nothing replaces.
        """
        if run in self._runs:
            if final or not self._runs[run][1]:
                self._runs[run] = counts, final
            return
        if run in self._names:
            return
        self.starts += 1
        self._runs[run] = counts, final
        if len(self._runs) > RUNS_KEPT:
            oldest = next(iter(self._runs))
            self._earlier += self._runs.pop(oldest)[0].closed()
            self._names = [*self._names, oldest][-NAMES_KEPT:]

    def total(self, running: str = "") -> Counts:
        """All of them.

        Args:
            running: the process that still runs, whose frames on the way are not lost.
        """
        total = self._earlier
        for run, (counts, _) in self._runs.items():
            total = total + (counts if run == running else counts.closed())
        return total

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        runs = {run: (counts.as_json(), final) for run, (counts, final) in self._runs.items()}
        earlier = self._earlier.as_json()
        return {"earlier": earlier, "runs": runs, "starts": self.starts, "names": self._names}
