"""Agreement of two pictures: shifts found, and doubt where there is nothing to agree on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream.registration.gradient_correlation import compare, find_peak, score
from stream.synthetic import Street


def grey(counts: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = np.percentile(counts, [1, 99.5])
    return np.asarray(255 * np.clip((counts - low) / (high - low), 0, 1), np.uint8)


@pytest.fixture(scope="module")
def pictures() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A visible and a thermal picture of one street, registered."""
    street = Street(3, (640, 480))
    return street.visible(0), grey(street.thermal(0))


@pytest.mark.parametrize("shift_px", [(0, 0), (5, 0), (-7, 3), (1, -12)])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_shift_is_found_whatever_is_warm(pictures: Any, shift_px: tuple[int, int], inverted: bool) -> None:
    visible, thermal = pictures
    moved = np.roll(255 - thermal if inverted else thermal, shift_px[::-1], axis=(0, 1))
    agreement = compare(visible, moved)
    peak = find_peak(agreement.whole(), agreement.step_px)
    assert peak.is_certain
    assert (peak.right_px, peak.down_px) == pytest.approx(shift_px, abs=0.4)


def test_the_score_falls_with_the_shift(pictures: Any) -> None:
    visible, thermal = pictures
    shifts_px = 0, 2, 4, 6
    scores = [score(compare(visible, np.roll(thermal, shift, axis=1)).whole()) for shift in shifts_px]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < scores[0] / 2


@pytest.mark.parametrize("size", [(640, 480), (17, 16), (16, 300), (1300, 40)])
def test_nothing_to_see_is_never_certain(size: tuple[int, int]) -> None:
    width, height = size
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    for visible in (noise, np.zeros_like(noise)):
        for thermal in (noise[::-1, :, 0].copy(), np.zeros((height, width), np.uint8)):
            agreement = compare(visible, thermal)
            assert not find_peak(agreement.whole(), agreement.step_px).is_certain


def test_the_border_of_the_thermal_view_is_no_edge(pictures: Any) -> None:
    """A black border that the visible picture has too, elsewhere, does not decide."""
    visible, thermal = (each.copy() for each in pictures)
    coverage = np.zeros(thermal.shape, np.float32)
    coverage[60:420, 80:560] = 1
    thermal[coverage == 0] = 0
    visible[: 60 + 9], visible[420 + 9 :], visible[:, : 80 + 9], visible[:, 560 + 9 :] = 0, 0, 0, 0
    agreement = compare(visible, thermal, coverage)
    peak = find_peak(agreement.whole(), agreement.step_px)
    assert (peak.right_px, peak.down_px) == pytest.approx((0, 0), abs=0.5)


def test_one_tile_tells_of_its_own_place(pictures: Any) -> None:
    visible, thermal = (each.copy() for each in pictures)
    thermal[:, 320:] = np.roll(thermal, 6, axis=1)[:, 320:]
    agreement = compare(visible, thermal)
    peaks = [find_peak(surface, agreement.step_px) for surface in agreement.surfaces]
    on_right = agreement.middles_px[:, 0] > 320
    found = np.array([peak.right_px for peak in peaks])
    assert np.median(found[on_right]) == pytest.approx(6, abs=0.5)
    assert np.median(found[~on_right]) == pytest.approx(0, abs=0.5)


@pytest.mark.refdata
def test_shifts_of_real_pairs_are_found_and_none_is_wrong(refdata: Path) -> None:
    """Every tenth registered pair, shifted by up to 7 pixels; and thermal pictures of other scenes."""
    names = sorted(path.name for path in (refdata / "data/roadscene/visible").iterdir())[::10]
    rng, right, doubted = np.random.default_rng(4), 0, 0
    for name in names:
        visible, thermal = read(refdata / "data/roadscene", name)
        shift_px = rng.integers(-7, 8, 2)
        agreement = compare(visible, np.roll(thermal, shift_px[::-1], axis=(0, 1)))
        peak = find_peak(agreement.whole(), agreement.step_px)
        error_px = np.hypot(*(np.array((peak.right_px, peak.down_px)) - shift_px))
        assert error_px < 4 or not peak.is_certain
        right += peak.is_certain
        other = cv2.resize(thermal[::-1, ::-1], thermal.shape[::-1])
        agreement = compare(visible, other)
        doubted += not find_peak(agreement.whole(), agreement.step_px).is_certain
    assert right >= 0.6 * len(names)
    assert doubted == len(names)


def read(folder: Path, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    visible = cv2.imread(str(folder / "visible" / name), cv2.IMREAD_COLOR_RGB)
    thermal = cv2.imread(str(folder / "thermal" / name), cv2.IMREAD_GRAYSCALE)
    assert visible is not None
    assert thermal is not None
    return np.asarray(visible), np.asarray(thermal)
