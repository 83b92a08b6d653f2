"""`gifnet images --calibration` lays warm spots where they belong, seen in the fused picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stream.registration.calibration import PlaneHomography, one_grid, save_calibration
from tests.e2e.conftest import Gifnet
from tests.e2e.test_images import Pixels, read, save


def test_a_calibration_puts_warm_spots_where_they_belong(gifnet: Gifnet, tmp_path: Path) -> None:
    """Another size, a shift, a turn and some perspective: spots lie right to a third of a pixel."""
    matrix = np.array([[1.9, 0.12, 9.0], [-0.08, 2.05, 6.0], [1e-4, -2e-4, 1.0]])
    spots = np.array([[22.0, 17.0], [51.0, 19.5], [30.5, 40.0], [55.25, 44.0]])
    rows, columns = np.mgrid[:60, :80]
    thermal = np.full((60, 80), 60.0)
    for x, y in spots:
        thermal += 150 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.0**2))
    visible = save(tmp_path / "v.png", np.full((120, 160, 3), 70, np.uint8))
    small = save(tmp_path / "t.png", np.rint(thermal).astype(np.uint8))
    calibration = one_grid((160, 120))
    plane = PlaneHomography(matrix=tuple(map(tuple, matrix.tolist())), distance_m=1.0)
    known = {"thermal": calibration.thermal.scaled((80, 60)), "homography": plane}
    save_calibration(calibration.model_copy(update=known), tmp_path / "c.yaml")
    out = tmp_path / "o.png"
    done = gifnet(
        "images", visible, small, "-o", out, "--calibration", tmp_path / "c.yaml", "--device", "cpu"
    )
    assert done.status == 0, done.err
    fused = read(out).astype(float)
    for (x, y), place in zip(spots, projected(spots, matrix), strict=True):
        left, top = (np.rint(place) - 9).astype(int)
        spot = np.maximum(fused[top : top + 19, left : left + 19] - np.median(fused), 0)
        assert spot.max() > 60, (x, y)
        spot[spot < 0.3 * spot.max()] = 0
        inside_y, inside_x = np.mgrid[:19, :19]
        centre = np.array([(spot * inside_x).sum(), (spot * inside_y).sum()]) / spot.sum() + (left, top)
        assert np.linalg.norm(centre - place) < 0.34, (x, y, centre, place)


def projected(points: Pixels, matrix: Pixels) -> Pixels:
    """Points [N, 2] of the thermal picture in the visible one."""
    lifted = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:])
