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

from stream.calibrate.overlays import blended, checkered, edged, stretched
from stream.calibrate.points.homography import Numbers, PointsFit, as_calibration, fit_points
from stream.errors import CalibrationError, SourceError
from stream.frame import FramePair, Pixels, Side
from stream.registration.calibration import Size, load_calibration, save_calibration

# Moments that are kept to go back to, and seconds from one to the next.
MOST_MOMENTS = 40
STEP_S = 1.0
MOST_POINTS = 100

Mode = Literal["blend", "checkerboard", "edges"]
_DRAW = {"blend": blended, "checkerboard": checkered, "edges": edged}


@dataclass(frozen=True, slots=True)
class FrameSet:
    """The pictures of a frame pair, for display.

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
        self._moments: list[FrameSet] = []
        self._last_s: float | None = None
        if not self._take():
            raise SourceError("the two streams have no two frames of one moment; see gifnet sync-check")
        self.done = threading.Event()

    def moment(self, index: int) -> FrameSet:
        """A frame pair by its number; one beyond the last is read, or the last given if there is none."""
        with self._lock:
            if index >= len(self._moments) and len(self._moments) < MOST_MOMENTS:
                self._take()
            return self._moments[min(max(index, 0), len(self._moments) - 1)]

    def index_of(self, moment: FrameSet) -> int:
        """Its number."""
        with self._lock:
            return next(index for index, one in enumerate(self._moments) if one is moment)

    def fit(self, points: Numbers) -> PointsFit:
        """The homography that the points give.

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
        """Read the next frame pair, a step later; False if there is none."""
        for pair in self._pairs:
            time_s = float(pair.time_s)
            if self._last_s is None or time_s - self._last_s >= STEP_S:
                self._last_s = time_s
                moment = FrameSet(np.asarray(pair.visible.pixels), stretched(np.asarray(pair.thermal.pixels)))
                if self._moments and moment.size("visible") != self._moments[0].size("visible"):
                    continue
                if self._moments and moment.size("thermal") != self._moments[0].size("thermal"):
                    continue
                self._moments.append(moment)
                return True
        return False
