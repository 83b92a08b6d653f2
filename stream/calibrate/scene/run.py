"""From two streams to a calibration: which moments are looked at, and what becomes of the alignment."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from stream.calibrate.frame_pairs import open_pairs
from stream.calibrate.grey import grey_thermal, grey_visible
from stream.calibrate.scene.align import SceneAlignment, align
from stream.calibrate.scene.initial_guess import Guess
from stream.config import FuseSettings
from stream.errors import CalibrationError, SourceError
from stream.frame import Pixels
from stream.registration.calibration import Calibration, PlaneHomography, Size
from stream.registration.camera_model import PinholeCamera, rows_of
from stream.runtime.clock import Clock

MOST_MOMENTS = 8
# Factor to within which stated fields of view are trusted.
SCALE_UNSURE = 1.15
NEUTRAL_FOV_DEG = 53.13


@dataclass(frozen=True, slots=True)
class FrameSet:
    """A pair of pictures, as they came."""

    visible: Pixels
    thermal: Pixels


@dataclass(frozen=True, slots=True)
class Fields:
    """Horizontal fields of view in degrees; None where unknown.

    Attributes:
        visible_deg: of the visible camera.
        thermal_deg: of the thermal camera.
    """

    visible_deg: float | None = None
    thermal_deg: float | None = None

    def guess(self) -> Guess:
        """The scales to try: all likely ones, unless both fields of view are known."""
        if self.visible_deg is None or self.thermal_deg is None:
            return Guess()
        widths = (math.tan(math.radians(degrees) / 2) for degrees in (self.thermal_deg, self.visible_deg))
        scale = next(widths) / next(widths)
        return Guess((scale / SCALE_UNSURE, scale * SCALE_UNSURE))


def watch(
    settings: FuseSettings, seconds: float, clock: Clock, goes_on: Callable[[], bool] = lambda: True
) -> list[FrameSet]:
    """Moments spread evenly over a recording, or over what live cameras give.

    Args:
        settings: where the streams are.
        seconds: how much of them is looked at.
        clock: for how long live cameras are waited for.
        goes_on: asked between pairs; False ends the watching.

    Raises:
        SourceError: a stream cannot be read, or there is no pair.
    """
    begin_s, kept, step, first_s = clock.monotonic_s(), list[FrameSet](), 1, None
    with open_pairs(settings) as pairs:
        for number, pair in enumerate(pairs):
            first_s = float(pair.time_s) if first_s is None else first_s
            if number % step == 0:
                kept.append(FrameSet(np.asarray(pair.visible.pixels), np.asarray(pair.thermal.pixels)))
            if len(kept) == 2 * MOST_MOMENTS:
                kept, step = kept[::2], step * 2
            late = clock.monotonic_s() - begin_s > 10 * seconds
            if float(pair.time_s) - first_s > seconds or late or not goes_on():
                break
    if not kept:
        raise SourceError("the two streams have no two frames of one moment; see gifnet sync-check")
    return _of_one_size(kept)[:: math.ceil(len(kept) / MOST_MOMENTS)]


def align_moments(
    moments: Iterable[FrameSet], fields: Fields, tell: Callable[[str], None] = lambda text: None
) -> SceneAlignment:
    """Align frame pairs on one core; see `stream.calibrate.scene.align.align`."""
    pairs = [(grey_visible(moment.visible), grey_thermal(moment.thermal)) for moment in moments]
    with _one_thread():
        return align(pairs, fields.guess(), tell)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Pictures are small, and on a busy machine two threads wait for each other longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def as_calibration(
    found: SceneAlignment, fields: Fields, distance_m: float, date: datetime.date, accept: bool = False
) -> Calibration:
    """The calibration of an alignment.

    Args:
        found: the alignment.
        fields: of view.
        distance_m: of the scene.
        date: today.
        accept: take it also where it is in doubt, because a person has checked it.

    Raises:
        CalibrationError: the alignment is in doubt.
    """
    if found.doubt and not accept:
        raise CalibrationError(
            f"no calibration is written: {found.doubt}; record a scene with edges that are warm as well as "
            "visible, all over the picture, or align them by hand by gifnet setup; where --report shows that "
            "it is right nevertheless, --accept takes it"
        )
    return Calibration(
        visible=_camera(found.visible_size, fields.visible_deg),
        thermal=_camera(found.thermal_size, fields.thermal_deg),
        homography=PlaneHomography(matrix=rows_of(found.matrix), distance_m=distance_m),
        rms_px=round(found.error_px, 3),
        date=date,
        made_by="gifnet calibrate scene",
    )


def _camera(size: Size, fov_deg: float | None) -> PinholeCamera:
    """A camera without distortion, its middle in the middle of the picture."""
    focal_px = size[0] / 2 / math.tan(math.radians(fov_deg or NEUTRAL_FOV_DEG) / 2)
    middle = (size[0] - 1) / 2, (size[1] - 1) / 2
    matrix = ((focal_px, 0.0, middle[0]), (0.0, focal_px, middle[1]), (0.0, 0.0, 1.0))
    return PinholeCamera(size=size, camera_matrix=matrix)


def _of_one_size(moments: list[FrameSet]) -> list[FrameSet]:
    """Those whose pictures have the size of the last ones: a camera may have changed it."""
    last = moments[-1]
    return [
        moment
        for moment in moments
        if moment.visible.shape == last.visible.shape and moment.thermal.shape == last.thermal.shape
    ]
