"""Picking points: the pictures to pick in, what the points say so far, and the file at the end."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from stream.calibrate.points import Numbers, PointsFit, as_calibration, fit_points
from stream.calibration import Size, load_calibration, save_calibration
from stream.errors import CalibrationError, SourceError
from stream.frame import FramePair, Pixels, Side

# Moments that are kept to go back to, and seconds from one to the next.
MOST_MOMENTS = 40
STEP_S = 1.0
MOST_POINTS = 100
SQUARE_PX = 40
LOW, HIGH = 1.0, 99.5

Mode = Literal["blend", "checkerboard", "edges"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment's pictures, to look at.

    Attributes:
        visible: [H, W, 3] uint8 RGB.
        thermal: [Ht, Wt] uint8, stretched from its counts.
    """

    visible: Pixels
    thermal: Pixels

    def size(self, side: Side) -> Size:
        """Width and height of a picture."""
        pixels = self.visible if side == "visible" else self.thermal
        return pixels.shape[1], pixels.shape[0]


class PointsSession:
    """Used by several threads, one at a time."""

    def __init__(self, pairs: Iterator[FramePair], output: Path, distance_m: float, add: bool) -> None:
        """Look at the first moment.

        Args:
            pairs: of the two cameras.
            output: file to write.
            distance_m: distance of what is picked, to begin with.
            add: add to the homographies of the file that is there.

        Raises:
            SourceError: there is no pair.
            CalibrationError: there is no calibration to add to, or it cannot be read.
        """
        self._pairs, self.output, self.distance_m = pairs, output, distance_m
        self._onto = load_calibration(output) if add else None
        self._lock = threading.Lock()
        self._moments: list[Moment] = []
        self._last_s: float | None = None
        if not self._take():
            raise SourceError("the two streams have no two frames of one moment; see gifnet sync-check")
        self.done = threading.Event()

    def moment(self, index: int) -> Moment:
        """A moment; one further than the last is looked for, and the last given where there is none."""
        with self._lock:
            if index >= len(self._moments) and len(self._moments) < MOST_MOMENTS:
                self._take()
            return self._moments[min(max(index, 0), len(self._moments) - 1)]

    def index_of(self, moment: Moment) -> int:
        """Its number."""
        with self._lock:
            return next(index for index, one in enumerate(self._moments) if one is moment)

    def fit(self, points: Numbers) -> PointsFit:
        """What points say.

        Args:
            points: [N, 4] visible x and y, thermal x and y, in pixels.

        Raises:
            CalibrationError: too few, or they make no sense.
        """
        first = self._moments[0]
        return fit_points(points[:, :2], points[:, 2:], first.size("visible"), first.size("thermal"))

    def composite(self, index: int, points: Numbers, mode: Mode) -> Pixels:
        """Both pictures on each other, [H, W, 3] uint8 RGB.

        Raises:
            CalibrationError: as `fit`.
        """
        moment, matrix = self.moment(index), self.fit(points).matrix
        size = moment.size("visible")
        thermal = cv2.warpPerspective(moment.thermal, matrix, size)
        seen = cv2.warpPerspective(np.full_like(moment.thermal, 255), matrix, size) > 127
        return _DRAW[mode](moment.visible, np.asarray(thermal), np.asarray(seen))

    def save(self, points: Numbers, distance_m: float, date: datetime.date) -> dict[str, Any]:
        """Write the file, which ends the session.

        Raises:
            CalibrationError: the points make no sense, or the file cannot be written.
        """
        fit, first = self.fit(points), self._moments[0]
        if fit.worst is not None:
            raise CalibrationError(
                f"point {fit.worst + 1} lies much worse than the others; move it or take it away"
            )
        sizes = first.size("visible"), first.size("thermal")
        save_calibration(as_calibration(fit, *sizes, distance_m, date, self._onto), self.output)
        self.done.set()
        return {"file": str(self.output), "rms_px": fit.rms_px}

    def _take(self) -> bool:
        """The next moment, a step further; False where there is none."""
        for pair in self._pairs:
            time_s = float(pair.time_s)
            if self._last_s is None or time_s - self._last_s >= STEP_S:
                self._last_s = time_s
                moment = Moment(np.asarray(pair.visible.pixels), stretched(np.asarray(pair.thermal.pixels)))
                if self._moments and moment.size("visible") != self._moments[0].size("visible"):
                    continue
                if self._moments and moment.size("thermal") != self._moments[0].size("thermal"):
                    continue
                self._moments.append(moment)
                return True
        return False


def stretched(counts: Pixels) -> Pixels:
    """Counts to 8 bits by percentiles, to look at."""
    if counts.ndim == 3:
        counts = np.asarray(cv2.cvtColor(counts, cv2.COLOR_RGB2GRAY))
    low, high = np.percentile(counts, (LOW, HIGH))
    scaled = (counts.astype(np.float32) - low) / max(float(high - low), 1.0)
    return np.asarray(np.clip(scaled * 255 + 0.5, 0, 255).astype(np.uint8))


def _blend(visible: Pixels, thermal: Pixels, seen: Pixels) -> Pixels:
    """Visible as grey, thermal as its red and its missing blue."""
    grey = np.asarray(cv2.cvtColor(visible, cv2.COLOR_RGB2GRAY))
    half = cv2.addWeighted(grey, 0.6, thermal, 0.4, 0)
    mixed = np.stack((cv2.addWeighted(grey, 0.4, thermal, 0.6, 0), half, grey), axis=-1)
    return np.where(seen[..., None], mixed, visible)


def _checkerboard(visible: Pixels, thermal: Pixels, seen: Pixels) -> Pixels:
    rows, columns = np.indices(thermal.shape) // SQUARE_PX
    turn = ((rows + columns) % 2 == 0) & seen
    return np.where(turn[..., None], thermal[..., None], visible)


def _edges(visible: Pixels, thermal: Pixels, seen: Pixels) -> Pixels:
    """Thermal edges in orange over the visible picture."""
    smooth = cv2.GaussianBlur(thermal, (0, 0), 1.2)
    edges = (cv2.Canny(smooth, 40, 90) > 0) & seen
    picture = visible // 2 + 40
    picture[edges] = (255, 150, 30)
    return np.asarray(picture)


_DRAW = {"blend": _blend, "checkerboard": _checkerboard, "edges": _edges}
