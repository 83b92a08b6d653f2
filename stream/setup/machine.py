"""Measures what this machine fuses at the size of the pictures, and chooses the model."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gifnet.loading import load_network
from stream.config import FusionSettings
from stream.device.context import choose_device
from stream.doctor.lite_rate import core_seconds, held_rate
from stream.fusion.model_choice import SPARE, measured_rate
from stream.registration.calibration import Size
from stream.runtime.cpu_threads import OneThreadEach, all_cores, cores

# A recording is fused by the full network where that is done in a minute, or in twice the time it lasts.
PATIENCE_S, PATIENCE_TIMES = 60.0, 2.0

Model = Literal["full", "lite"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Frames a second that this machine fuses.

    Attributes:
        full: by the full network alone.
        lite: by lite, from a file to a file.
    """

    full: float
    lite: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The model, and why.

    Attributes:
        model: of the configuration.
        text: one sentence.
        is_too_slow: not even this model holds the rate of the cameras.
    """

    model: Model
    text: str
    is_too_slow: bool = False


def measure(size: Size) -> Rates:
    """Fuse a few frames of a size by each model; takes some seconds.

    Args:
        size: width and height of the fused picture.

    Raises:
        DeviceError, WeightsError: the network cannot run here.
    """
    device = choose_device("auto")
    with OneThreadEach(), tempfile.TemporaryDirectory() as folder:
        full = load_network("full", "default", device, FusionSettings().precision)
        with all_cores():
            full_rate = measured_rate(full, size, device)
        even = size[0] - size[0] % 2, size[1] - size[1] % 2
        return Rates(full_rate, held_rate(core_seconds(Path(folder), even), cores()))


def choose(rates: Rates, rate: float, frames: int | None) -> Choice:
    """The better model that is fast enough.

    Args:
        rates: as measured.
        rate: fused frames a second that come.
        frames: how many a recording has; None for live cameras.
    """
    told = f"full fuses {_figure(rates.full)} frames/s here and lite {_figure(rates.lite)}"
    if frames is not None:
        needs_s = frames / rates.full
        if needs_s <= max(PATIENCE_S, PATIENCE_TIMES * frames / rate):
            return Choice("full", f"{told}: full, done in about {_duration(needs_s)}")
        lite_s = frames / rates.lite
        return Choice(
            "lite",
            f"{told}: lite, done in about {_duration(lite_s)} where full takes {_duration(needs_s)} "
            "(--model full to insist)",
        )
    if rates.full >= SPARE * rate:
        return Choice("full", f"{told}, and the cameras give {_figure(rate)}: full")
    if rates.lite >= rate:
        return Choice("lite", f"{told}, and the cameras give {_figure(rate)}: lite")
    return Choice(
        "lite",
        f"{told}, and the cameras give {_figure(rate)}: lite, and some frames are left out; smaller pictures "
        "or a lower rate from the cameras avoid that",
        True,
    )


def _figure(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
