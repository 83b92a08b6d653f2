"""The account of a run: what went in, what came out, what was left out and why, and how long it took."""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stream.config.live_settings import AdjustableSettings
from stream.errors import ConfigError
from stream.files.atomic_write import write_atomic
from stream.live.stats import LiveStats
from stream.radiometry import Radiometry, as_json
from stream.registration.drift_monitor import DriftMonitor
from stream.runtime.clock import Clock
from stream.runtime.stage_times import StageTimes

SCHEMA = "gifnet.report/1"
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


@dataclass(slots=True)
class RunReport:
    """Filled in by the pipeline while it runs; complete only when the last frame is safe.

    Attributes:
        clock: for the wall time.
        settings: effective settings without passwords.
        device: where the network ran, and why there.
        decoders: what decoded each stream and why, by stream; empty for streams that are no video.
        weights: name and SHA-256.
        precision: number format that was really used.
        radiometry: what a thermal count means in degrees Celsius, of the first frame; None where not known.
        frames_in: frames read, by stream.
        fused: fused frames.
        dropped: frames without a partner, by reason.
        lost: frames that a source could not deliver, by stream and reason.
        live: the account of live cameras; None for recordings.
        controls: what can be changed while the run goes on.
        drift: whether the cameras moved against each other.
        outputs: what was written where.
        times: how long each stage took.
        wall_s: seconds from start to end.
        complete: whether the run went through to its end.
        error: why it did not.
    """

    clock: Clock
    settings: dict[str, Any] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict)
    decoders: dict[str, dict[str, str]] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    precision: str = ""
    radiometry: Radiometry | None = None
    frames_in: Counter[str] = field(default_factory=Counter)
    fused: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    lost: dict[str, Counter[str]] = field(default_factory=dict)
    live: LiveStats | None = None
    controls: AdjustableSettings | None = None
    drift: DriftMonitor | None = None
    outputs: list[Output] = field(default_factory=list)
    times: StageTimes = field(init=False)
    start_s: float = field(init=False)
    wall_s: float = 0.0
    complete: bool = False
    error: str | None = None

    def __post_init__(self) -> None:
        self.times = StageTimes(self.clock)
        self.start_s = self.clock.monotonic_s()

    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self.clock.monotonic_s() - self.start_s

    def finish(self, error: BaseException | None) -> None:
        """Note the end of the run and what ended it."""
        self.wall_s = self.elapsed_s()
        self.take_live()
        not_pairing = self.live.not_pairing if self.live else ""
        self.complete = error is None and not not_pairing
        self.error = (not_pairing or None) if error is None else describe_error(error)

    def take_live(self) -> None:
        """Bring the counters of live cameras up to date."""
        if self.live:
            self.frames_in, self.dropped, self.lost = self.live.counters()

    def kept(self) -> str:
        """One phrase on what was written, for a run that stopped early."""
        written = [output.uri for output in self.outputs if output.frames]
        places = " and ".join(uri for uri in written if not uri.startswith("null:"))
        frames = "1 fused frame was" if self.fused == 1 else f"{self.fused} fused frames were"
        return f"{frames} kept in {places}" if places else "no fused frame was kept"

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "schema": SCHEMA,
            "complete": self.complete,
            "error": self.error,
            "versions": versions(),
            "settings": self.settings,
            "device": self.device,
            "decoders": self.decoders,
            "weights": self.weights,
            "precision": self.precision,
            "radiometry": as_json(self.radiometry),
            "frames_in": {stream: self.frames_in[stream] for stream in ("visible", "thermal")},
            "fused": self.fused,
            "dropped": dict(self.dropped),
            "lost": {stream: dict(reasons) for stream, reasons in self.lost.items()},
            "live": self.live.as_json(self.fused) if self.live else None,
            "drift": self.drift.as_json() if self.drift else None,
            "changes": list(self.controls.changes) if self.controls else [],
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


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
