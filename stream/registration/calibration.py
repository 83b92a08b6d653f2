"""PinholeCamera models of a visible and a thermal camera and how they relate: the calibration file."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import yaml
from pydantic import Field, FiniteFloat, model_validator

from stream.config import Settings, load_yaml, validate
from stream.errors import CalibrationError, ConfigError
from stream.files.atomic_write import write_atomic
from stream.registration.camera_model import (
    Array,
    Homography,
    Metres,
    PinholeCamera,
    Rotation,
    Row,
    Size,
    rows_of,
    scaling,
)

__all__ = [
    "Baseline",
    "Calibration",
    "PinholeCamera",
    "PlaneHomography",
    "Size",
    "Stereo",
    "load_calibration",
    "one_grid",
    "save_calibration",
]

_YAML_WIDTH = 300


class PlaneHomography(Settings):
    """Homography from undistorted thermal to undistorted visible pixels, for a scene at one distance."""

    matrix: Annotated[Homography, Field(description="visible_from_thermal")]
    distance_m: Annotated[Metres, Field(description="distance that it holds for")]

    @property
    def visible_from_thermal(self) -> Array:
        """[3, 3] with 1 as its last number."""
        matrix = np.array(self.matrix, dtype=np.float64)
        return np.asarray(matrix / matrix[2, 2])

    def scaled(self, visible: Array, thermal: Array) -> Self:
        """The same for scaled pictures; the scalings are [3, 3]."""
        matrix = visible @ self.visible_from_thermal @ np.linalg.inv(thermal)
        return self.model_copy(update={"matrix": rows_of(matrix / matrix[2, 2])})


class Stereo(Settings):
    """Pose of the thermal camera: X_visible = rotation X_thermal + translation, in metres."""

    rotation: Annotated[Rotation, Field(description="visible_from_thermal")]
    translation_m: Annotated[Row, Field(description="thermal camera's centre in visible coordinates")]
    distance_m: Annotated[Metres, Field(description="distance of the plane from the visible camera")]


class Baseline(Settings):
    """Agreement of a recording by this calibration when it was good, to recognise drift by."""

    score: Annotated[
        FiniteFloat, Field(gt=0, le=1, description="agreement of edges, see docs/calibration.md")
    ]
    right_px: Annotated[FiniteFloat, Field(description="how far right thermal edges lay, visible pixels")]
    down_px: Annotated[FiniteFloat, Field(description="how far down")]

    def scaled(self, across: float, down: float) -> Self:
        """The same for visible pictures so many times as wide and high."""
        return self.model_copy(update={"right_px": self.right_px * across, "down_px": self.down_px * down})


class Calibration(Settings):
    """A calibration file: two cameras and one of three ways in which they relate."""

    visible: PinholeCamera
    thermal: PinholeCamera
    homography: PlaneHomography | None = None
    homographies: Annotated[tuple[PlaneHomography, ...] | None, Field(min_length=2)] = None
    stereo: Stereo | None = None
    rms_px: Annotated[FiniteFloat, Field(ge=0, description="reprojection error in visible pixels")]
    date: Annotated[datetime.date, Field(description="when it was made")]
    made_by: Annotated[str, Field(min_length=1, description="how it was made")]
    baseline: Baseline | None = None

    @model_validator(mode="after")
    def _one_relation(self) -> Self:
        given = [name for name in RELATIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of {', '.join(RELATIONS)} must be given, got {' and '.join(given) or 'none'}"
            )
        distances = [plane.distance_m for plane in self.homographies or ()]
        if len(set(distances)) < len(distances):
            raise ValueError(f"homographies: distance_m must differ from one to the next, got {distances}")
        return self

    def visible_from_thermal(self, distance_m: float | None = None) -> Array:
        """Homography from undistorted thermal to undistorted visible pixels, for a scene at a distance.

        Between two homographies it is linear in 1 / distance, as parallax is; beyond the ends, the last one
        holds. For two cameras it is the homography of a plane that faces the visible camera at distance d,
        K_v (R^-1 (I - t n^T / d))^-1 K_t^-1 with n = (0, 0, 1) (Hartley and Zisserman 2004, section 13.1).

        Args:
            distance_m: distance of the scene; None takes the one in the file. A single homography knows
                no other.

        Returns:
            [3, 3] with 1 as its last number.

        Raises:
            CalibrationError: homographies for several distances, and no distance to choose by.
        """
        if self.homography is not None:
            return self.homography.visible_from_thermal
        if self.stereo is not None:
            return self._plane_induced(self.stereo, distance_m or self.stereo.distance_m)
        assert self.homographies is not None
        planes = sorted(self.homographies, key=lambda plane: plane.distance_m)
        if distance_m is None:
            raise CalibrationError(
                f"the calibration has homographies from {planes[0].distance_m:g} to "
                f"{planes[-1].distance_m:g} m, so the distance "
                "of the scene is needed: set registration.distance_m (--distance-m METRES)"
            )
        return _interpolated(planes, distance_m)

    def scaled(self, visible_size: Size, thermal_size: Size) -> Self:
        """The same calibration for recordings with another number of pixels.

        Args:
            visible_size: width and height of the visible pictures.
            thermal_size: width and height of the thermal pictures.

        Raises:
            CalibrationError: a picture has another aspect ratio than its camera in the file.
        """
        _check_aspect("visible", self.visible.size, visible_size)
        _check_aspect("thermal", self.thermal.size, thermal_size)
        by = scaling(self.visible.size, visible_size), scaling(self.thermal.size, thermal_size)
        update: dict[str, Any] = {
            "visible": self.visible.scaled(visible_size),
            "thermal": self.thermal.scaled(thermal_size),
        }
        if self.homography is not None:
            update["homography"] = self.homography.scaled(*by)
        if self.homographies is not None:
            update["homographies"] = tuple(plane.scaled(*by) for plane in self.homographies)
        if self.baseline is not None:
            update["baseline"] = self.baseline.scaled(by[0][0, 0], by[0][1, 1])
        return self.model_copy(update=update)

    def _plane_induced(self, stereo: Stereo, distance_m: float) -> Array:
        rotation, translation_m = np.array(stereo.rotation), np.array(stereo.translation_m)
        towards_plane = np.outer(translation_m, (0.0, 0.0, 1.0)) / distance_m
        thermal_from_visible = rotation.T @ (np.eye(3) - towards_plane)
        if abs(np.linalg.det(thermal_from_visible)) < 1e-9:
            raise CalibrationError(
                f"the plane at {distance_m:g} m passes through the thermal camera; "
                "give the distance of the scene"
            )
        matrix = (
            self.visible.matrix @ np.linalg.inv(thermal_from_visible) @ np.linalg.inv(self.thermal.matrix)
        )
        return np.asarray(matrix / matrix[2, 2])


RELATIONS = ("homography", "homographies", "stereo")


def load_calibration(path: Path) -> Calibration:
    """Read and check a calibration file.

    Args:
        path: of the YAML file, see `docs/calibration.md`.

    Raises:
        CalibrationError: it cannot be read, or is wrong; lists every problem with its place in the file.
    """
    try:
        return validate(Calibration, load_yaml(path, "calibration"), f"the calibration {path}")
    except ConfigError as error:
        raise CalibrationError(str(error)) from None


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a readable calibration file that `load_calibration` reads back unchanged.

    Its first line, a comment, is `made_by`, as a rule the command. The file appears whole or not at all; one
    that is there is replaced, a link stays a link.

    Args:
        calibration: what to write.
        path: of the YAML file.

    Raises:
        CalibrationError: it cannot be written.
    """
    text = "# " + " ".join(calibration.made_by.split()) + "\n" + _as_yaml(calibration)
    try:
        write_atomic(path.resolve(), text)
    except OSError as error:
        raise CalibrationError(
            f"the calibration {path} cannot be written: {error.strerror}; name another place"
        ) from None


def _as_yaml(calibration: Calibration) -> str:
    """Rows of matrices each on a line of its own."""
    values = calibration.model_dump(exclude_defaults=True)
    return yaml.safe_dump(
        values, sort_keys=False, default_flow_style=None, width=_YAML_WIDTH, allow_unicode=True
    )


def one_grid(size: Size) -> Calibration:
    """The calibration of two cameras whose pictures of one size lie on each other pixel by pixel."""
    focal_px = float(max(size))
    matrix = ((focal_px, 0.0, size[0] / 2), (0.0, focal_px, size[1] / 2), (0.0, 0.0, 1.0))
    camera = PinholeCamera(size=size, camera_matrix=matrix)
    same = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    return Calibration(
        visible=camera,
        thermal=camera,
        homography=PlaneHomography(matrix=same, distance_m=1.0),
        rms_px=0.0,
        date=datetime.date(1970, 1, 1),
        made_by="registered by the cameras themselves",
    )


def _interpolated(planes: list[PlaneHomography], distance_m: float) -> Array:
    """Matrix at a distance, each of its numbers linear in 1 / distance."""
    nearness = [1 / plane.distance_m for plane in reversed(planes)]
    matrices = np.stack([plane.visible_from_thermal.ravel() for plane in reversed(planes)])
    columns = [np.interp(1 / distance_m, nearness, column) for column in matrices.T]
    return np.array(columns, dtype=np.float64).reshape(3, 3)


def _check_aspect(name: str, calibrated: Size, size: Size) -> None:
    """Refuse another aspect ratio; a height that was rounded to a pixel passes."""
    if abs(calibrated[1] * size[0] / calibrated[0] - size[1]) > 1:
        raise CalibrationError(
            f"the {name} pictures have {size[0]}x{size[1]} pixels, another aspect ratio than the "
            f"{calibrated[0]}x{calibrated[1]} of the calibration; "
            "calibrate at the aspect ratio that is recorded, for example by gifnet setup"
        )
