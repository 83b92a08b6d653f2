"""Brings the thermal picture onto the grid of the visible one."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cuda_kernels import reference
from stream.config import RegistrationSettings
from stream.errors import CalibrationError
from stream.registration.calibration import Calibration, PinholeCamera, Size, one_grid

FEATHER_PX = 16

Points = NDArray[np.float64]


class Registrar:
    """The thermal picture on the visible grid: maps and coverage.

    Attributes:
        maps: thermal place of each visible pixel, two [Hv, Wv] float32 (see
            `reference.remap_normalise`); None where both grids are one, so that nothing is resampled.
        coverage: [Hv, Wv] float32, 1 where the thermal camera sees, falling to 0 within `FEATHER_PX` of its
            border; None when it sees everything.
    """

    def __init__(self, maps: tuple[Tensor, Tensor] | None, thermal_size: Size) -> None:
        """Keep the maps and work out the coverage."""
        self.maps = maps
        self.coverage: Tensor | None = None
        if maps is not None:
            _, valid = reference.warp(_blank(thermal_size, maps[0].device), *maps)
            self.coverage = None if bool(valid.all()) else feather(valid)

    def place(self, x: float, y: float) -> tuple[float, float] | None:
        """Place of a visible pixel in the thermal picture, in thermal pixels; None where it has none."""
        if self.maps is None:
            return x, y
        column, row = round(x), round(y)
        found = float(self.maps[0][row, column]), float(self.maps[1][row, column])
        return found if all(map(math.isfinite, found)) else None


def build_registrar(
    settings: RegistrationSettings,
    calibration: Calibration | None,
    visible_size: Size,
    thermal_size: Size,
    began_as: Size | None = None,
) -> Registrar:
    """Registration as the settings ask for, on the host: by a calibration, or none where the sizes agree.

    Args:
        settings: distance and nudge, and the file's name for messages.
        calibration: what the settings' file holds; None without one.
        visible_size: width and height.
        thermal_size: width and height.
        began_as: size that pictures of both cameras had when the stream began. Without a file, a camera that
            changes its size is then taken to see what it saw before, if the aspect ratio is the same.

    Raises:
        CalibrationError: the sizes differ and there is no calibration, or it does not fit.
    """
    nudge_px = settings.nudge_right_px, settings.nudge_down_px
    if calibration is None and (began_as is None or visible_size == thermal_size):
        _check_one_grid(visible_size, thermal_size)
        if not any(nudge_px):
            return Registrar(None, thermal_size)
    calibration = (calibration or one_grid(began_as or visible_size)).scaled(visible_size, thermal_size)
    registrar = Registrar(thermal_maps(calibration, settings.distance_m, nudge_px), thermal_size)
    if registrar.coverage is not None and not bool((registrar.coverage > 0).any()):
        raise CalibrationError(
            f"by the calibration {settings.file} and a nudge of {nudge_px[0]:g}, {nudge_px[1]:g} pixels the "
            "thermal camera sees nothing of the visible picture; check that its matrix is "
            "visible_from_thermal, in pixels, and the nudge smaller than the picture"
        )
    return registrar


def thermal_maps(
    calibration: Calibration, distance_m: float | None, nudge_px: tuple[float, float] = (0.0, 0.0)
) -> tuple[Tensor, Tensor]:
    """Maps from visible pixels to thermal places, both lenses' distortion included.

    A visible pixel is undistorted, mapped by the homography, and distorted by the thermal lens, so that
    one look-up does it all and the visible picture stays as it is.

    Args:
        calibration: of the sizes of the pictures.
        distance_m: distance of the scene.
        nudge_px: visible pixels that the thermal picture is moved to the right and down.

    Returns:
        map_x and map_y, each [Hv, Wv] float32 in thermal pixels, NaN where nothing is seen.
    """
    width, height = calibration.visible.size
    right_px, down_px = nudge_px
    x, y = np.meshgrid(np.arange(width) - right_px, np.arange(height) - down_px)
    visible = _undistort(calibration.visible, np.stack((x.ravel(), y.ravel()), axis=1))
    matrix = torch.from_numpy(calibration.visible_from_thermal(distance_m))
    ideal = reference.project(matrix, torch.from_numpy(visible))
    thermal = _distort(calibration.thermal, ideal.numpy())
    map_x, map_y = torch.from_numpy(thermal).to(torch.float32).reshape(height, width, 2).unbind(dim=-1)
    return map_x.contiguous(), map_y.contiguous()


def feather(valid: Tensor) -> Tensor:
    """Coverage of a mask: 0 outside, rising inside by distance from the border, 1 beyond `FEATHER_PX`.

    Args:
        valid: [H, W] bool.

    Returns:
        [H, W] float32 in 0..1.
    """
    inside = valid.cpu().numpy().astype(np.uint8)
    distance_px = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    coverage = np.clip(distance_px / (FEATHER_PX + 1), 0, 1).astype(np.float32)
    return torch.from_numpy(coverage).to(valid.device)


def _undistort(camera: PinholeCamera, pixels: Points) -> Points:
    """Undistorted places of distorted pixels [N, 2]."""
    if not camera.coefficients.any():
        return pixels
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-4)
    points = cv2.undistortImagePoints(pixels[:, None], camera.matrix, camera.coefficients, None, criteria)
    return np.asarray(points[:, 0], dtype=np.float64)


def _distort(camera: PinholeCamera, pixels: Points) -> Points:
    """Places in the picture of undistorted pixels [N, 2]; NaN beyond the lens's view.

    OpenCV's model of radial, tangential and thin prism distortion. Its polynomials hold for what the lens
    sees and fold back into the picture further out. (`cv2.projectPoints` gives the same, but its Jacobian
    of all pixels takes gigabytes.)
    """
    if not camera.coefficients.any():
        return pixels
    x, y = ((pixels - camera.matrix[:2, 2]) / np.diag(camera.matrix)[:2]).T
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = np.pad(
        camera.coefficients, (0, 12 - len(camera.coefficients))
    )
    r2 = x * x + y * y
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    bent_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) + r2 * (s1 + r2 * s2)
    bent_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y + r2 * (s3 + r2 * s4)
    rays = np.stack((bent_x, bent_y, np.ones_like(x)), axis=1)
    points = (rays @ camera.matrix.T)[:, :2]
    points[~_in_view(camera, pixels)] = np.nan
    return np.asarray(points)


def _in_view(camera: PinholeCamera, pixels: Points) -> NDArray[np.bool_]:
    """True for undistorted pixels in the box around the undistorted border of the picture; [N]."""
    right, bottom = camera.size[0] - 1.0, camera.size[1] - 1.0
    along = np.linspace(0, 1, 65)
    zeros, ones = np.zeros_like(along), np.ones_like(along)
    border = np.concatenate(
        [np.stack(edge, axis=1) for edge in ((along, zeros), (along, ones), (zeros, along), (ones, along))]
    )
    ideal = _undistort(camera, border * (right, bottom))
    inside = (pixels >= ideal.min(axis=0)) & (pixels <= ideal.max(axis=0))
    return np.asarray(inside.all(axis=1))


def _blank(size: Size, device: torch.device) -> Tensor:
    return torch.zeros((size[1], size[0]), dtype=torch.float32, device=device)


def _check_one_grid(visible_size: Size, thermal_size: Size) -> None:
    if visible_size != thermal_size:
        raise CalibrationError(
            f"visible has {_text(visible_size)} pixels and thermal {_text(thermal_size)}: pictures of two "
            "sizes need a calibration file; gifnet setup VISIBLE THERMAL -o pair.yaml makes one, and "
            "registration.file or --calibration FILE names one that is there (docs/calibration.md)"
        )


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
