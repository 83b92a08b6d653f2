"""The thermal front end through the command line, from files to files, and what it says of mistakes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.e2e.conftest import Gifnet
from tests.helpers.media import moving_pattern, write_video

HOT = (20, 25)


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, Path]:
    """Three pairs of 64x48; below the thermal picture two rows of telemetry, in it one bad pixel."""
    (tmp_path / "thermal").mkdir()
    for index in range(3):
        counts = np.tile(np.arange(3000, 3640, 10, dtype=np.uint16), (50, 1))
        counts[48:] = 65535
        counts[HOT] = 60000
        assert cv2.imwrite(str(tmp_path / "thermal" / f"{index}.png"), counts)
    (tmp_path / "bad.txt").write_text(f"{HOT[1]} {HOT[0]}\n", encoding="utf-8")
    return write_video(tmp_path / "visible.mp4", moving_pattern(3, colour=True)), tmp_path / "thermal"


def thermal_view(gifnet: Gifnet, folder: Path, inputs: tuple[Path, Path], *words: object) -> np.ndarray:
    out = folder / "out"
    fixed = (
        "--model",
        "null",
        "--view",
        "thermal",
        "--thermal-cut-bottom",
        2,
        "--bad-pixels",
        folder / "bad.txt",
    )
    done = gifnet("run", *inputs, "-o", f"images://{out}", *fixed, *words)
    assert done.status == 0, done.err
    picture = cv2.imread(str(sorted(out.glob("*.png"))[-1]), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.asarray(picture, np.int64)


def test_the_span_is_that_of_the_good_pixels_of_the_picture(
    gifnet: Gifnet, tmp_path: Path, inputs: tuple[Path, Path]
) -> None:
    shown = thermal_view(gifnet, tmp_path, inputs, "--gain", "minmax")
    assert shown.shape == (48, 64)
    assert np.abs(shown - np.linspace(0, 255, 64)).max() <= 1


def test_a_span_in_celsius_and_black_hot(gifnet: Gifnet, tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    span = (
        "--gain",
        "fixed",
        "--gain-span-low",
        26.85,
        "--gain-span-high",
        58.35,
        "--gain-span-unit",
        "celsius",
    )
    camera = ("--thermal-celsius-per-count", 0.1, "--thermal-celsius-at-zero", -273.15)
    shown = thermal_view(gifnet, tmp_path, inputs, *span, *camera, "--polarity", "black-hot")
    # 300 K is count 3000, and half of all columns are above 331.5 K.
    expected = np.clip(255 - np.arange(64) * 10 / 315 * 255, 0, 255)
    assert np.abs(shown - expected).max() <= 1


@pytest.mark.parametrize("method", ["plateau", "clahe"])
def test_equalisation_with_detail_in_a_region(
    gifnet: Gifnet, tmp_path: Path, inputs: tuple[Path, Path], method: str
) -> None:
    words = ("--gain", method, "--gain-detail", 2, "--gain-region", "0,0.2,1,1")
    shown = thermal_view(gifnet, tmp_path, inputs, *words)
    assert np.corrcoef(shown[10:40].mean(axis=0), np.arange(64))[0, 1] > 0.9


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--gain", "fixed"), "the method fixed needs span_low and span_high"),
        (("--gain-region", "0,0,2,1"), "a region is LEFT,TOP,RIGHT,BOTTOM in shares from 0 to 1"),
        (
            ("--bad-pixels", "none.txt", "--thermal-cut-top", "2"),
            "the bad pixels none.txt cannot be read: No such file or directory",
        ),
        (
            ("--thermal-cut-top", "50"),
            "thermal.cut_top and thermal.cut_bottom would cut off 50; leave at least one",
        ),
    ],
)
def test_mistakes_are_one_sentence(
    gifnet: Gifnet, tmp_path: Path, inputs: tuple[Path, Path], words: tuple[str, ...], sentence: str
) -> None:
    done = gifnet("run", *inputs, "-o", tmp_path / "out.mp4", "--model", "null", *words)
    assert done.status != 0
    assert sentence in done.err
    assert "Traceback" not in done.err
