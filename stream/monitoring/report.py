"""The account of a run: frames in and out, frames left out and why, and the time of each stage."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stream.errors import ConfigError
from stream.files.atomic_write import write_atomic
from stream.runtime.clock import Clock
from stream.runtime.stage_times import StageTimes

SCHEMA = "gifnet.report/1"
# Reads a section from the stage that keeps it; called by any thread, while the run goes on and after it.
Section = Callable[[], Any]
# Sections in the order of the JSON, with the content of those that no stage has given.
EMPTY: dict[str, Any] = {
    "settings": {},
    "device": {},
    "decoders": {},
    "weights": {},
    "precision": "",
    "radiometry": None,
    "frames_in": {},
    "fused": 0,
    "dropped": {},
    "lost": {},
    "live": None,
    "drift": None,
    "detection": None,
    "changes": [],
    "outputs": [],
}
_PACKAGES = ("gifnet-stream", "torch", "av", "numpy", "opencv-python-headless")


@dataclass(slots=True)
class Output:
    """One output of a run.

    Attributes:
        uri: as the user gave it, passwords masked.
        view: which picture it holds.
        frames: how many were written.
        skipped: how many were not, because the disk was too full.
        encoder: name of the video encoder that writes it, empty where none does.
    """

    uri: str
    view: str
    frames: int = 0
    skipped: int = 0
    encoder: str = ""


class RunReport:
    """Sections by name, each read from the stage that keeps it; complete only when the last frame is safe.

    The pipeline adds sections as it opens its stages; nothing is written into the counters of a stage.

    Attributes:
        clock: for the wall time.
        times: duration of each stage; stages add to it.
        wall_s: seconds from start to end.
        complete: True when the run went through to its end.
        error: one sentence on why it did not; None otherwise.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin with the run.

        Args:
            clock: for durations.
        """
        self.clock, self.times = clock, StageTimes(clock)
        self.wall_s, self.complete = 0.0, False
        self.error: str | None = None
        self._start_s = clock.monotonic_s()
        self._sections: dict[str, Section] = {}
        self._incomplete: Callable[[], str] = str

    def add(self, **sections: Section) -> None:
        """Add sections, or replace them.

        Args:
            sections: functions that read plain values, by the names in `EMPTY`; `outputs` gives a list of
                `Output`.

        Raises:
            ValueError: a section has another name.
        """
        unknown = sorted(set(sections) - set(EMPTY))
        if unknown:
            raise ValueError(f"a report has no section {', '.join(unknown)}, allowed are {', '.join(EMPTY)}")
        self._sections |= sections

    def incomplete_if(self, why: Callable[[], str]) -> None:
        """At the end of a run without errors, ask why it is incomplete: a sentence, or empty."""
        self._incomplete = why

    def section(self, name: str) -> Any:
        """A section's content now."""
        return self._sections[name]() if name in self._sections else EMPTY[name]

    @property
    def frames_in(self) -> dict[str, int]:
        """Frames read, by stream."""
        return {"visible": 0, "thermal": 0, **self.section("frames_in")}

    @property
    def fused(self) -> int:
        """Fused frames."""
        return int(self.section("fused"))

    def in_a_line(self) -> str:
        """Frames that were read, fused and dropped so far."""
        read = ", ".join(f"{count} {side}" for side, count in self.frames_in.items())
        return f"{self.fused} frames fused of {read}; {sum(self.dropped.values())} dropped"

    @property
    def dropped(self) -> dict[str, int]:
        """Frames without a partner, by reason."""
        return dict(self.section("dropped"))

    @property
    def lost(self) -> dict[str, dict[str, int]]:
        """Frames that a source could not deliver, by stream and reason."""
        lost: Mapping[str, Mapping[str, int]] = self.section("lost")
        return {stream: dict(reasons) for stream, reasons in list(lost.items())}

    @property
    def outputs(self) -> list[Output]:
        """Every output with its counts."""
        return list(self.section("outputs"))

    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self.clock.monotonic_s() - self._start_s

    def finish(self, error: BaseException | None) -> None:
        """Note the end of the run and what ended it."""
        self.wall_s = self.elapsed_s()
        self.error = (self._incomplete() or None) if error is None else describe_error(error)
        self.complete = self.error is None

    def kept(self) -> str:
        """One phrase on what was written, for a run that stopped early."""
        written = [output.uri for output in self.outputs if output.frames]
        places = " and ".join(uri for uri in written if not uri.startswith("null:"))
        frames = "1 fused frame was" if self.fused == 1 else f"{self.fused} fused frames were"
        return f"{frames} kept in {places}" if places else "no fused frame was kept"

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        sections = {name: self.section(name) for name in EMPTY}
        return {
            "schema": SCHEMA,
            "complete": self.complete,
            "error": self.error,
            "versions": versions(),
            **sections,
            "frames_in": {stream: self.frames_in[stream] for stream in ("visible", "thermal")},
            "dropped": self.dropped,
            "lost": self.lost,
            "outputs": [asdict(output) for output in self.outputs],
            "stages": {stage: asdict(time) for stage, time in self.times.summary().items()},
            "wall_s": round(self.wall_s, 3),
        }

    def write(self, path: Path) -> None:
        """Write the report as JSON; the file appears whole or not at all.

        Raises:
            ConfigError: when it cannot be written.
        """
        try:
            write_atomic(path, json.dumps(self.as_json(), indent=2) + "\n")
        except OSError as error:
            raise ConfigError(f"the report {path} cannot be written: {error.strerror}") from None


def describe_error(error: BaseException) -> str:
    """An error's sentence with its notes; its type where it has no text."""
    return "; ".join([str(error) or type(error).__name__, *getattr(error, "__notes__", [])])


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide about the result."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


@cache  # reading it takes a millisecond, and a batch asks for each of ten thousand rows
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
