"""Pixels outside the thermal view: plain visible, with a soft border, under odd warps and lenses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from cuda_kernels import reference
from stream.config import GainSettings
from stream.fusion.step import BatchShape, FusionStep
from stream.registration.calibration import Calibration
from stream.registration.registrar import FEATHER_PX, Registrar, thermal_maps
from stream.thermal.agc import Agc

SIZE = (320, 240)
GREY, WHITE = 100, 255
MIDDLE = np.array([[1, 0, -159.5], [0, 1, -119.5], [0, 0, 1.0]])
Matrix = NDArray[np.float64]


def about_the_middle(
    turn_deg: float = 0, scale: float = 1, right_px: float = 0, down_px: float = 0, tilt: float = 0
) -> Matrix:
    cos, sin = scale * np.cos(np.radians(turn_deg)), scale * np.sin(np.radians(turn_deg))
    inner = np.array([[cos, -sin, right_px], [sin, cos, down_px], [tilt, tilt / 2, 1]])
    matrix = np.linalg.inv(MIDDLE) @ inner @ MIDDLE
    return np.asarray(matrix / matrix[2, 2])


MIRRORED = np.array([[-1.0, 0, 300], [0, 1, 0], [0, 0, 1]])
# Name -> homography, distortion of the visible lens, of the thermal lens, and where the thermal camera surely
# sees and surely does not: right and down.
CASES = {
    "wholly inside": (about_the_middle(scale=0.5), (), (), (160, 120), (20, 120)),
    "partly outside": (about_the_middle(6, 0.8, 120, -60), (), (), (280, 60), (60, 200)),
    "turned": (about_the_middle(30, 0.8), (), (), (160, 120), (10, 10)),
    "on its side": (about_the_middle(90, 0.7), (), (), (160, 120), (20, 120)),
    "mirrored": (MIRRORED, (), (), (150, 120), (310, 120)),
    "behind the camera": (about_the_middle(scale=0.6, tilt=0.004), (), (), (100, 120), (300, 20)),
    "barrel": (about_the_middle(scale=0.7), (), (-0.35, 0.1, 0, 0), (160, 120), (160, 5)),
    "pincushion": (about_the_middle(scale=0.7), (), (0.4, 0.1, 0, 0), (160, 120), (20, 120)),
    "visible lens": (about_the_middle(scale=0.7), (-0.35, 0.1, 0, 0), (), (160, 120), (10, 10)),
    "both lenses": (
        about_the_middle(3, 0.8, 20), (-0.3, 0.08, 0.002, -0.001), (-0.3, 0, 0, 0), (180, 120), (5, 5)
    ),
}  # fmt: skip


def registrar(matrix: Matrix, visible_lens: tuple[float, ...], thermal_lens: tuple[float, ...]) -> Registrar:
    inside = {"size": SIZE, "camera_matrix": [[250, 0, 160], [0, 250, 120], [0, 0, 1]]}
    content = {
        "visible": inside | {"distortion": visible_lens},
        "thermal": inside | {"distortion": thermal_lens},
        "homography": {"matrix": matrix.tolist(), "distance_m": 10},
        "rms_px": 0,
        "date": "2026-01-15",
        "made_by": "test",
    }
    return Registrar(thermal_maps(Calibration.model_validate(content), None), SIZE)


class OnlyThermal:
    """A network that shows the thermal picture and nothing else."""

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        return thermal


def fused(by: Registrar) -> NDArray[np.int64]:
    """A grey visible picture and a white thermal one, fused by a network that shows thermal alone."""
    step = FusionStep(
        BatchShape(SIZE, SIZE, torch.uint8),
        by,
        Agc(GainSettings(method="none"), 8),
        OnlyThermal(),
        reference,
        torch.float32,
    )
    step.visible.fill_(GREY)
    step.counts.fill_(WHITE)
    step()
    return step.fused[0, :, :, 1].numpy().astype(np.int64)


@pytest.mark.parametrize("name", CASES)
def test_outside_is_plain_visible_and_the_border_is_soft(name: str) -> None:
    matrix, visible_lens, thermal_lens, seen, unseen = CASES[name]
    by = registrar(matrix, visible_lens, thermal_lens)
    picture, coverage = fused(by), by.coverage
    assert coverage is not None
    assert picture[seen[1], seen[0]] == WHITE
    assert picture[unseen[1], unseen[0]] == GREY
    assert (picture[coverage.numpy() == 0] == GREY).all()
    steps = [np.abs(np.diff(picture, axis=axis)).max() for axis in (0, 1)]
    # The coverage counts twice, in what the network sees and in what comes of it; numbers are whole.
    assert max(steps) <= 2 * (WHITE - GREY) / (FEATHER_PX + 1) + 2


def test_places_behind_the_camera_are_nowhere() -> None:
    by = registrar(*CASES["behind the camera"][:3])
    assert by.maps is not None
    nowhere = torch.isnan(by.maps[0])
    assert nowhere.any()
    assert by.coverage is not None
    assert (by.coverage[nowhere] == 0).all()
