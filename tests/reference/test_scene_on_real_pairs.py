"""Alignment without a board on real pairs that the features were not trained on, disturbed in known ways."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.calibrate.grey import Grey, grey_thermal, grey_visible
from stream.calibrate.scene.align import align
from stream.calibrate.scene.edge_check import edges_off_px
from stream.calibrate.scene.initial_guess import Guess

GUESS = Guess((0.7, 1.4), 0.15)
# A homography that moves the corners of a picture by up to a tenth of its width.
MOVED = np.array([[-0.06, 0.08], [0.09, -0.03], [0.05, 0.06], [-0.08, -0.07]], np.float32)


def grey(folder: Path, visible: str, thermal: str) -> tuple[Grey, Grey]:
    colour = cv2.imread(str(folder / "visible" / visible))
    counts = cv2.imread(str(folder / "thermal" / thermal), cv2.IMREAD_GRAYSCALE)
    assert colour is not None and counts is not None
    return grey_visible(cv2.cvtColor(colour, cv2.COLOR_BGR2RGB)), grey_thermal(np.asarray(counts))


def disturbed(pair: tuple[Grey, Grey]) -> tuple[tuple[Grey, Grey], np.ndarray]:
    """The pair with its thermal picture moved, and the way back."""
    visible, thermal = pair
    height, width = thermal.shape
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, corners + MOVED * width)
    moved = cv2.warpPerspective(thermal, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return (visible, np.asarray(moved)), np.linalg.inv(matrix)


def mean_error_px(found: np.ndarray, truth: np.ndarray, size: tuple[int, int]) -> float:
    axes = (np.linspace(0.15 * side, 0.85 * side, 9) for side in size)
    places = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 1, 2)
    away = cv2.perspectiveTransform(places, found) - cv2.perspectiveTransform(places, truth)
    return float(np.linalg.norm(away, axis=-1).mean())


@pytest.mark.refdata
@pytest.mark.parametrize("name", ["FLIR_06892.jpg", "FLIR_01945.jpg", "FLIR_07428.jpg"])
def test_a_disturbed_pair_is_aligned(refdata: Path, name: str) -> None:
    pair, truth = disturbed(grey(refdata / "data/roadscene", name, name))
    found = align([pair], GUESS)
    assert found.doubt == "" and found.turned == ""
    # The set's own registration is off by about as much.
    assert mean_error_px(found.matrix, truth, found.thermal_size) < 3
    given, left = edges_off_px([pair], truth), found.edges_off_px
    assert given is not None and left is not None and left < given + 0.2


@pytest.mark.refdata
def test_pictures_of_two_scenes_are_refused(refdata: Path) -> None:
    strangers = grey(refdata / "data/roadscene", "FLIR_06892.jpg", "FLIR_01945.jpg")
    found = align([strangers], GUESS)
    assert found.doubt and found.evidence < 0.4
