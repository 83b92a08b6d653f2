"""Pictures of calibration boards as two cameras with known lenses would take them, pixel by pixel.

Every pixel is sampled several times, each sample is a ray through the inverse lens model, cut with the
board's plane; blur, contrast, polarity and noise follow. Nothing is shared with the code under test but the
words for boards.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.calibrate.board.finder import Sighting
from stream.calibrate.board.targets import Board, charuco_dictionary
from stream.calibrate.board.views import Shot, View, Views
from stream.registration.calibration import Calibration, PinholeCamera, Stereo
from stream.registration.camera_model import rows_of
from stream.registration.registrar import thermal_maps

Array = NDArray[np.float64]
SAMPLES = 3
_CELL_PX = 40


@dataclass(frozen=True)
class Eye:
    """A camera: lens and sensor.

    Attributes:
        size: width and height in pixels.
        focal_px: focal length.
        centre_px: principal point.
        distortion: k1 k2 p1 p2 k3.
        blur_px: standard deviation of the lens' blur.
        noise: standard deviation, in counts.
        dark: counts of what is printed black; above `bright` for inverted polarity.
        bright: counts of what is printed white.
        bits: 8 or 16.
        mirrored: the picture comes out with left and right swapped.
        quarter_turns: the picture comes out turned by so many quarters.
    """

    size: tuple[int, int]
    focal_px: float
    centre_px: tuple[float, float]
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    blur_px: float = 0.6
    noise: float = 2.0
    dark: float = 30.0
    bright: float = 200.0
    bits: int = 8
    mirrored: bool = False
    quarter_turns: int = 0

    @property
    def matrix(self) -> Array:
        (across, down) = self.centre_px
        return np.array([[self.focal_px, 0, across], [0, self.focal_px, down], [0, 0, 1]])

    @cached_property
    def rays(self) -> Array:
        """[H * SAMPLES, W * SAMPLES, 2] directions at z = 1."""
        width, height = self.size
        across = (np.arange(width * SAMPLES) + 0.5) / SAMPLES - 0.5
        down = (np.arange(height * SAMPLES) + 0.5) / SAMPLES - 0.5
        pixels = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 1, 2)
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-8)
        ideal = cv2.undistortImagePoints(pixels, self.matrix, np.array(self.distortion), None, criteria)
        rays = (np.asarray(ideal).reshape(-1, 2) - self.centre_px) / self.focal_px
        return rays.reshape(height * SAMPLES, width * SAMPLES, 2)

    def project(self, points_m: Array) -> Array:
        """Places of points [N, 3] in the camera's own space, [N, 2], before mirror and turns."""
        zero = np.zeros(3)
        return np.asarray(
            cv2.projectPoints(points_m, zero, zero, self.matrix, np.array(self.distortion))[0]
        ).reshape(-1, 2)

    def see(self, points_m: Array) -> Array:
        """Places in the picture as it comes out, mirror and turns included, [N, 2]."""
        points, (width, height) = self.project(points_m), self.size
        if self.mirrored:
            points = points * (-1, 1) + (width - 1, 0)
        for _ in range(self.quarter_turns % 4):
            points, width, height = np.stack([points[:, 1], width - 1 - points[:, 0]], axis=1), height, width
        return points

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the picture as it comes out."""
        return self.size[::-1] if self.quarter_turns % 2 else self.size


# A full HD-like colour camera and a small thermal one, scaled down so that tests are quick.
VISIBLE = Eye((640, 480), 560.0, (322.5, 236.0), (-0.12, 0.05, 0.0005, -0.0004, 0.0))
THERMAL = Eye(
    (320, 256), 300.0, (158.0, 130.5), (-0.30, 0.11, -0.0003, 0.0006, 0.0),
    blur_px=0.9, noise=6.0, dark=30_150.0, bright=30_000.0, bits=16,
)  # fmt: skip


@dataclass(frozen=True)
class Rig:
    """Two cameras fixed to each other: X_visible = rotation X_thermal + translation."""

    visible: Eye = VISIBLE
    thermal: Eye = THERMAL
    turn_rad: tuple[float, float, float] = (0.01, -0.03, 0.015)
    translation_m: tuple[float, float, float] = (0.08, -0.01, 0.005)

    @property
    def rotation(self) -> Array:
        return np.asarray(cv2.Rodrigues(np.array(self.turn_rad))[0])

    def to_thermal(self, points_m: Array) -> Array:
        return np.asarray((points_m - np.array(self.translation_m)) @ self.rotation)


@dataclass(frozen=True)
class Pose:
    """Pose of a board: X_visible = rotation X_board + translation."""

    rotation: Array = field(repr=False)
    translation_m: Array = field(repr=False)

    def place(self, points_m: Array) -> Array:
        return np.asarray(points_m @ self.rotation.T + self.translation_m)


def poses(
    board: Board, count: int, seed: int = 1, tilt: float = 0.6, distances_m: tuple[float, float] = (0.45, 0.8)
) -> Iterator[Pose]:
    """Boards held in front of both cameras, well spread: `tilt` is the largest in radians."""
    rng = np.random.default_rng(seed)
    middle_m = board.points_m.mean(axis=0)
    for number in range(count):
        about = 2.399963 * number
        lean = tilt * (0.35 + 0.65 * rng.random())
        turn = np.array([np.cos(about), np.sin(about), 0.0]) * lean + np.array([0, 0, rng.normal(0, 0.1)])
        rotation = np.asarray(cv2.Rodrigues(turn)[0])
        depth_m = rng.uniform(*distances_m)
        across, down = np.array([[-1, -1], [0, 0], [1, 1], [-1, 1], [1, -1], [0, 1], [0, -1]][number % 7])
        place = np.array([across * 0.2 + 0.02, down * 0.13, 1.0]) * depth_m
        yield Pose(rotation, place - rotation @ middle_m)


def render(
    board: Board, eye: Eye, rotation: Array, translation_m: Array, seed: int = 0
) -> NDArray[np.generic]:
    """The picture of a board, [H, W] uint8 or uint16.

    Args:
        board: what is printed.
        eye: the camera.
        rotation: board to camera, [3, 3].
        translation_m: board to camera, [3].
        seed: of the noise and the background.
    """
    width, height = eye.size
    rng = np.random.default_rng(seed)
    share = cv2.resize(rng.uniform(0.25, 0.75, (5, 6)), (width, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = _window(board, eye, rotation, translation_m)
    ground = share[rows, columns]
    fine = (
        slice(rows.start * SAMPLES, rows.stop * SAMPLES),
        slice(columns.start * SAMPLES, columns.stop * SAMPLES),
    )
    white = _sampled(board, eye.rays[fine], rotation, translation_m)
    white = np.where(np.isnan(white), np.kron(ground, np.ones((SAMPLES, SAMPLES))), white)
    share[rows, columns] = white.reshape(len(ground), SAMPLES, -1, SAMPLES).mean(axis=(1, 3))
    share = cv2.GaussianBlur(share, (0, 0), eye.blur_px)
    noise = np.random.default_rng(seed + 1).normal(0, eye.noise, share.shape)
    counts = eye.dark + (eye.bright - eye.dark) * share + noise
    largest, kind = (255, np.uint8) if eye.bits == 8 else (65535, np.uint16)
    picture = np.clip(np.rint(counts), 0, largest).astype(kind)
    picture = picture[:, ::-1] if eye.mirrored else picture
    return np.ascontiguousarray(np.rot90(picture, eye.quarter_turns))


def render_pair(
    board: Board, rig: Rig, pose: Pose, seed: int = 0
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Visible [H, W, 3] uint8 and thermal [H, W] picture of one moment."""
    visible = render(board, rig.visible, pose.rotation, pose.translation_m, seed)
    rotation = rig.rotation.T @ pose.rotation
    thermal = render(board, rig.thermal, rotation, rig.to_thermal(pose.translation_m[None])[0], seed + 1000)
    return np.repeat(visible[..., None], 3, axis=2), thermal


def sighted(board: Board, rig: Rig, boards: Iterable[Pose], noise_px: float = 0.05, seed: int = 0) -> Views:
    """Views as a detector gives them, points off by noise, without any picture."""
    rng, views = np.random.default_rng(seed), []
    (width, height), (across, down) = rig.visible.picture_size, rig.thermal.picture_size
    blank = np.zeros((height, width, 3), np.uint8), np.zeros((down, across), np.uint16)
    for number, pose in enumerate(boards):
        points_m = pose.place(board.points_m)
        seen = rig.visible.see(points_m), rig.thermal.see(rig.to_thermal(points_m))
        visible, thermal = (
            Sighting(points + rng.normal(0, noise_px, points.shape), np.arange(len(points)), "projected")
            for points in seen
        )
        views.append(View(Shot(str(number), *blank), visible, thermal))
    return Views((width, height), (across, down), len(views), views, [])


def as_calibration(rig: Rig) -> Calibration:
    """The truth about a rig, as a calibration file has it."""
    cameras = (
        PinholeCamera(size=eye.size, camera_matrix=rows_of(eye.matrix), distortion=eye.distortion)
        for eye in (rig.visible, rig.thermal)
    )
    visible, thermal = cameras
    stereo = Stereo(rotation=rows_of(rig.rotation), translation_m=rig.translation_m, distance_m=1.0)
    today = datetime.date(2026, 1, 15)
    return Calibration(
        visible=visible, thermal=thermal, stereo=stereo, rms_px=0.0, date=today, made_by="truth"
    )


def map_error_px(found: Calibration, rig: Rig, distance_m: float, middle: float = 0.7) -> float:
    """Mean distance of where visible pixels look from where they should, thermal pixels.

    Args:
        found: to be judged.
        rig: the truth.
        distance_m: of the scene.
        middle: share of the visible width and height that is looked at.
    """
    one, other = (
        np.stack([axis.numpy() for axis in thermal_maps(calibration, distance_m)])
        for calibration in (found, as_calibration(rig))
    )
    apart = np.hypot(*(one - other))
    cut = tuple(slice(round(side * (1 - middle) / 2), round(side * (1 + middle) / 2)) for side in apart.shape)
    return float(np.nanmean(apart[cut]))


def _window(board: Board, eye: Eye, rotation: Array, translation_m: Array) -> tuple[slice, slice]:
    """Rows and columns of the picture within which the board lies."""
    low, high = board.points_m.min(axis=0), board.points_m.max(axis=0)
    across, down = (np.linspace(low[i] - 3 * board.pitch_m, high[i] + 3 * board.pitch_m, 9) for i in (0, 1))
    places = np.stack([*np.meshgrid(across, down), np.zeros((9, 9))], axis=-1).reshape(-1, 3)
    points = eye.project(places @ rotation.T + translation_m)
    first = np.clip(np.floor(points.min(axis=0)).astype(int) - 4, 0, eye.size)
    last = np.clip(np.ceil(points.max(axis=0)).astype(int) + 4, 0, eye.size)
    return slice(first[1], last[1]), slice(first[0], last[0])


def _sampled(board: Board, rays: Array, rotation: Array, translation_m: Array) -> Array:
    """Share of white at every sample where the board's plane is met, NaN elsewhere."""
    # Ray s * (x, y, 1) meets the plane where its board coordinates have z = 0.
    inverse = rotation.T
    origin = -inverse @ translation_m
    direction = rays @ inverse[:, :2].T + inverse[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = -origin[2] / direction[..., 2]
    x_m, y_m = (origin[axis] + reach * direction[..., axis] for axis in (0, 1))
    white = _pattern(board, x_m / board.pitch_m, y_m / board.pitch_m)
    return np.where(reach <= 0, np.nan, white)


def _pattern(board: Board, x: Array, y: Array) -> Array:
    """White share at board coordinates in units of the pitch; NaN beside the board."""
    if board.kind == "charuco":
        return _textured(board, x, y)
    across, down = board.grid
    wide = 2 * across - 1 + 0.5 if board.kind == "acircles" else across
    margin = 1.6
    inside = (x > -margin) & (x < wide - 1 + margin) & (y > -margin) & (y < down - 1 + margin)
    if board.kind == "checkerboard":
        squares = (x > -1) & (x < across) & (y > -1) & (y < down)
        white = np.where(squares, (np.floor(x) + np.floor(y)) % 2, 1.0)
    else:
        white = _circles(board, x, y)
    return np.where(inside, white, np.nan)


def _circles(board: Board, x: Array, y: Array) -> Array:
    across, down = board.grid
    row = np.clip(np.rint(y), 0, down - 1)
    step, shift = (2, row % 2) if board.kind == "acircles" else (1, 0)
    column = np.clip(np.rint((x - shift) / step), 0, across - 1) * step + shift
    radius = 0.45 if board.kind == "acircles" else 0.3
    return np.where(np.hypot(x - column, y - row) < radius, 0.0, 1.0)


def _textured(board: Board, x: Array, y: Array) -> Array:
    """A ChArUco board; its corner 0 lies at (1, 1) squares of the printed board."""
    chart = cv2.aruco.CharucoBoard(
        (board.across, board.down), board.pitch_m, board.marker_m, charuco_dictionary(board.dictionary)
    )
    size = (board.across * _CELL_PX, board.down * _CELL_PX)
    texture = chart.generateImage(size, marginSize=0).astype(np.float32) / 255
    map_x, map_y = (((place + 1) * _CELL_PX - 0.5).astype(np.float32) for place in (x, y))
    white = cv2.remap(texture, map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=1)
    margin = 0.6
    inside = (x > -1 - margin) & (x < board.across - 1 + margin) & (y > -1 - margin)
    return np.where(inside & (y < board.down - 1 + margin), white, np.nan)
