"""Aligning by hand: the pictures, the coarse position, the points, and the calibration at the end."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stream.calibrate.overlays import stretched
from stream.calibrate.scene.run import FrameSet
from stream.errors import CalibrationError
from stream.frame import Pixels, Side
from stream.registration.calibration import Calibration, PlaneHomography, Size, one_grid
from stream.registration.camera_model import rows_of
from stream.setup.placement import ENOUGH, Numbers, Placement, moved_by

MADE_BY = "gifnet setup"
# Points to begin with: how many at most, and how far apart, as a share of the thermal width.
MOST_POINTS, APART = 6, 0.22
# Limit of contrast, and regions across and down, of the thermal picture as it is shown.
CLEAR = 6.0, (4, 4)
# Shares of the thermal picture's width and height where points lie if too few places stand out.
_SPREAD = ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8), (0.5, 0.5))
# The least part of the visible picture that the thermal one must cover, and the most it may be enlarged.
LEAST_COVERED = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class HandFit:
    """The position that a person gave.

    Attributes:
        matrix: [3, 3] visible_from_thermal.
        places: [N, 2] visible places of all points.
        errors_px: [N] distance of each point from its place, 0 for one that follows.
        rms_px: how far points were put apart; None where they fit exactly.
        worst: number of a point without which the others fit much better; None where there is none.
    """

    matrix: Numbers
    places: Numbers
    errors_px: Numbers
    rms_px: float | None
    worst: int | None


class HandSession:
    """Used by the page's threads; `done` is set with the saved calibration."""

    def __init__(
        self,
        moments: Sequence[FrameSet],
        start: Placement,
        distance_m: float,
        keep: Callable[[Calibration], None] = lambda calibration: None,
    ) -> None:
        """Find points to begin with.

        Args:
            moments: at least one, pictures of one size for each camera.
            start: the best guess.
            distance_m: distance of what is aligned.
            keep: writes the calibration; where it raises, the session goes on and nothing is lost.
        """
        self.moments, self.start, self.distance_m = moments, start, distance_m
        self._keep = keep
        self.points = salient_points(moments)
        self.done, self.calibration = threading.Event(), None

    calibration: Calibration | None

    @property
    def sizes(self) -> tuple[Size, Size]:
        """Width and height of the visible and of the thermal pictures."""
        first = self.moments[0]
        (height, width), (high, wide) = first.visible.shape[:2], first.thermal.shape[:2]
        return (width, height), (wide, high)

    def picture(self, index: int, side: Side) -> Pixels:
        """A picture of a moment, [H, W, 3] or [H, W] uint8; the nearest one for a number beyond the last."""
        moment = self.moments[min(max(index, 0), len(self.moments) - 1)]
        return moment.visible if side == "visible" else clear(moment.thermal)

    def fit(self, placement: Placement, thermal: Numbers, visible: Numbers) -> HandFit:
        """The position by a coarse one and by points.

        Args:
            placement: the coarse position.
            thermal: [N, 2] pixels of all points.
            visible: [N, 2] where they were put; NaN for those that follow.

        Raises:
            CalibrationError: the points make no sense.
        """
        base = placement.matrix(*self.sizes)
        is_put = np.isfinite(visible).all(axis=1)
        fit = moved_by(base, thermal[is_put], visible[is_put], self.sizes)
        errors_px = np.zeros(len(thermal))
        errors_px[is_put] = fit.errors_px
        places = cv2.perspectiveTransform(thermal[:, None], fit.matrix)[:, 0] if len(thermal) else visible
        places[is_put] = visible[is_put]
        worst = None if fit.worst is None else int(np.flatnonzero(is_put)[fit.worst])
        return HandFit(fit.matrix, places, errors_px, fit.rms_px, worst)

    def save(
        self,
        placement: Placement,
        thermal: Numbers,
        visible: Numbers,
        distance_m: float,
        date: datetime.date,
    ) -> HandFit:
        """Take the position, which ends the session.

        Raises:
            CalibrationError: the points make no sense, the thermal picture lies beside the visible one, the
                file cannot be written, or another page has saved already.
        """
        if self.done.is_set():
            raise CalibrationError("the alignment was saved already, on another page")
        found = self.fit(placement, thermal, visible)
        if found.worst is not None:
            raise CalibrationError(
                f"point {found.worst + 1} lies much worse than the others; move it or let it follow again"
            )
        if covered(found.matrix, *self.sizes) < LEAST_COVERED:
            raise CalibrationError("the thermal picture lies beside the visible one; move it onto it first")
        calibration = Calibration(
            visible=one_grid(self.sizes[0]).visible,
            thermal=one_grid(self.sizes[1]).visible,
            homography=PlaneHomography(matrix=rows_of(found.matrix), distance_m=distance_m),
            rms_px=round(found.rms_px or 0.0, 3),
            date=date,
            made_by=MADE_BY,
        )
        self._keep(calibration)
        self.calibration = calibration
        self.done.set()
        return found


def clear(counts: Pixels) -> Pixels:
    """[H, W] uint8, a thermal picture in which faint objects are visible beside hot ones."""
    return np.asarray(cv2.createCLAHE(*CLEAR).apply(stretched(counts)))


def salient_points(moments: Sequence[FrameSet]) -> Numbers:
    """Thermal pixels [N, 2] that stand out in the picture with most contrast, spread over it."""
    picture = clear(max((moment.thermal for moment in moments), key=lambda one: float(one.std())))
    height, width = picture.shape
    soft = cv2.GaussianBlur(picture, (0, 0), max(1.0, width / 80))
    found = cv2.goodFeaturesToTrack(soft, MOST_POINTS, 0.05, APART * width)
    corners = np.zeros((0, 2)) if found is None else found[:, 0].astype(np.float64)
    # At the border it is the picture that ends, not an object.
    inner = ((corners > 2) & (corners < (width - 3, height - 3))).all(axis=1)
    kept = list(corners[inner])
    for share in _SPREAD:
        place = np.array(share) * (width - 1, height - 1)
        apart = all(np.linalg.norm(place - other) > APART * width for other in kept)
        if len(kept) < ENOUGH and apart:
            kept.append(place)
    return np.array(kept)


def covered(matrix: Numbers, visible_size: Size, thermal_size: Size) -> float:
    """Share of the visible picture that the thermal one covers, 0..1."""
    across, down = (np.linspace(0, side - 1, 40) for side in visible_size)
    places = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 1, 2)
    back = cv2.perspectiveTransform(places, np.linalg.inv(matrix))[:, 0]
    inside = (back >= -0.5) & (back <= np.array(thermal_size) - 0.5)
    return float(inside.all(axis=1).mean())
