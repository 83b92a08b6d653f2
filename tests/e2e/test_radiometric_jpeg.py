"""Radiometric JPEGs through the commands: both sides from one file, counts in place of palettes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.frame import Pixels
from tests.e2e.conftest import Gifnet
from tests.helpers.dji import COUNTS, dji, jpeg
from tests.helpers.flir import flir_jpeg, visible_record
from tests.unit.sources.test_palette import coloured, scene

RATIO, RIGHT, DOWN = 1.6, 10, -6


def one_scene() -> tuple[Pixels, Pixels]:
    """A warm box at 120..180, 80..160 of a visible picture of 320x240, and in counts of 80x60."""
    rgb = np.full((240, 320, 3), (90, 120, 150), np.uint8)
    rgb[80:161, 120:181] = (200, 60, 40)
    scale = 320 / RATIO / 80
    rows, columns = np.mgrid[:60, :80]
    across, down = scale * (columns - 39.5) + 159.5 + RIGHT, scale * (rows - 29.5) + 119.5 + DOWN
    warm = (across >= 120) & (across <= 180) & (down >= 80) & (down <= 160)
    return rgb, np.where(warm, 9000, 7000).astype(np.uint16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rgb, counts = one_scene()
    (tmp_path / "flir").mkdir()
    for index in range(2):
        data = flir_jpeg(counts, visible=visible_record(rgb), overlay=(RATIO, RIGHT, DOWN))
        (tmp_path / f"flir/{index}.jpg").write_bytes(data)
    return tmp_path / "flir"


def middle_of_warmth(picture: Pixels) -> tuple[float, float]:
    rows, columns = np.nonzero(picture > 200)
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize("form", ["{}", "flir://{}"])
def test_both_sides_of_one_folder_lie_on_each_other(
    gifnet: Gifnet, tmp_path: Path, folder: Path, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    uri, output = form.format(folder), tmp_path / "out"
    done = gifnet("run", uri, uri, "--model", "null", "--view", "thermal", "-o", f"images://{output}")
    assert done.status == 0, done.err
    assert "Real2IR and offsets in the camera's file, a first alignment" in caplog.text
    pictures = sorted(output.glob("*.png"))
    assert len(pictures) == 2
    shown = cv2.imread(str(pictures[0]), cv2.IMREAD_GRAYSCALE)
    assert shown is not None and shown.shape == (240, 320)
    assert middle_of_warmth(shown) == pytest.approx((150, 120), abs=1)


def test_images_takes_both_sides_of_one_file(gifnet: Gifnet, tmp_path: Path, folder: Path) -> None:
    done = gifnet("images", str(folder / "0.jpg"), "--model", "lite", "-o", str(tmp_path / "one.png"))
    assert done.status == 0, done.err
    fused = cv2.imread(str(tmp_path / "one.png"))
    assert fused is not None and fused.shape == (240, 320, 3)
    inside, outside = fused[100:140, 130:170].mean(), fused[100:140, 90:110].mean()
    assert inside > outside + 40  # in the visible picture alone the box is darker than what is around it
    done = gifnet("images", str(folder), "--model", "lite", "-o", f"{tmp_path}/all/")
    assert done.status == 0, done.err
    assert len(list((tmp_path / "all").iterdir())) == 2


def test_images_takes_counts_for_the_palette_picture_of_dji(gifnet: Gifnet, tmp_path: Path) -> None:
    (tmp_path / "t.jpg").write_bytes(jpeg(dji(COUNTS)))
    counts = cv2.normalize(COUNTS, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "v.png"), np.full((48, 64, 3), 128, np.uint8))
    done = gifnet(
        "images", f"{tmp_path}/v.png", f"{tmp_path}/t.jpg", "--model", "lite", "-o", f"{tmp_path}/f.png"
    )
    assert done.status == 0, done.err
    fused = cv2.imread(str(tmp_path / "f.png"), cv2.IMREAD_GRAYSCALE)
    assert fused is not None
    assert np.corrcoef(fused.ravel(), counts.ravel())[0, 1] > 0.5


def test_images_takes_a_palette_back_to_warmth(
    gifnet: Gifnet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cv2.imwrite(str(tmp_path / "t.png"), coloured("rainbow")[..., ::-1])
    cv2.imwrite(str(tmp_path / "v.png"), np.full((*scene().shape, 3), 128, np.uint8))
    arguments = ["images", f"{tmp_path}/v.png", f"{tmp_path}/t.png", "--model", "lite", "-o"]
    done = gifnet(*arguments, f"{tmp_path}/f.png", "--no-thermal-colour")
    assert done.status == 0 and caplog.text.count("by a palette (rainbow)") == 1
    caplog.clear()
    fused = cv2.imread(str(tmp_path / "f.png"))
    assert fused is not None and np.ptp(fused.astype(int), axis=2).max() <= 2
    assert np.corrcoef(fused[..., 0].ravel(), scene().ravel())[0, 1] > 0.5
    gifnet(*arguments, f"{tmp_path}/h.png")
    assert "by a palette (rainbow), which is not warmth: --no-thermal-colour" in caplog.text
    caplog.clear()
    done = gifnet(*arguments, f"{tmp_path}/g.png", "--thermal-colour")
    assert done.status == 0 and "palette" not in caplog.text
