"""Pictures and videos in the colours of a palette: recognised, taken back to warmth, warned about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stream.errors import SourceError
from stream.frame import Pixels
from stream.sources.palette.tables import palettes
from tests.helpers.media import write_video
from tests.unit.sources.test_thermal_files import read, source_of

COLOURS = [(name, number) for name, tables in palettes().items() for number in range(len(tables))]
RECOGNISED = [each for each in COLOURS if each[0] != "arctic"]


def scene(warmest: int = 250) -> Pixels:
    """Cold to the left, warmer to the right, and something warm, [120, 160] uint8."""
    picture = np.tile(np.linspace(0, 200, 160), (120, 1)) * np.linspace(0.6, 1, 120)[:, None]
    picture[40:70, 40:70] = warmest
    return np.asarray(cv2.GaussianBlur(picture.astype(np.uint8), (5, 5), 2))


def coloured(name: Any, number: int = 0, picture: Pixels | None = None) -> Pixels:
    return palettes()[name][number][scene() if picture is None else picture]


def save(path: Path, rgb: Pixels) -> Path:
    cv2.imwrite(str(path), rgb[..., ::-1])
    return path


@pytest.mark.parametrize(("name", "number"), RECOGNISED)
def test_a_picture_of_a_known_palette(
    tmp_path: Path, name: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path / "0.png", coloured(name, number))
    (frame,) = read(tmp_path)
    assert frame.pixel_format == "gray8" and frame.radiometry is None
    np.testing.assert_allclose(frame.pixels.astype(int), scene(), atol=4)
    assert caplog.text.count("by a palette") == 1


@pytest.mark.parametrize("name", ["iron", "rainbow", "inferno"])
@pytest.mark.parametrize("form", ["{}", "live://{}"])
def test_a_video_of_a_known_palette(
    tmp_path: Path, name: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(tmp_path / "t.mp4", [coloured(name)] * 3)
    with source_of(form.format(path)) as source:
        frame = next(iter(source))
    error = np.abs(frame.pixels.astype(int) - scene())
    assert np.median(error) <= 3 and np.percentile(error, 95) <= 16
    assert caplog.text.count("by a palette") == 1


def test_colours_that_come_after_a_dark_beginning(tmp_path: Path) -> None:
    black = np.zeros((120, 160, 3), np.uint8)
    path = write_video(tmp_path / "t.mp4", [black, coloured("iron"), coloured("iron")])
    frames = read(path)
    assert frames[0].pixels.max() <= 2
    assert np.median(np.abs(frames[2].pixels.astype(int) - scene())) <= 3


def test_text_over_a_palette_picture(tmp_path: Path) -> None:
    rgb = np.ascontiguousarray(coloured("iron"))
    cv2.putText(rgb, "20.9 C", (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    save(tmp_path / "0.png", rgb)
    assert np.median(np.abs(read(tmp_path)[0].pixels.astype(int) - scene())) <= 2


def test_grey_pictures_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "0.png", np.repeat(scene()[..., None], 3, axis=2))
    rgb = np.repeat(scene()[..., None], 3, axis=2)
    rgb[:10, :10] = (255, 80, 0)  # a logo
    save(tmp_path / "1.png", rgb)
    frames = read(tmp_path)
    np.testing.assert_array_equal(frames[0].pixels, scene())
    np.testing.assert_array_equal(frames[1].pixels[10:], scene()[10:])
    assert "palette" not in caplog.text


def test_colours_of_no_palette_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    random = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    save(tmp_path / "0.png", cv2.resize(random, (160, 120), interpolation=cv2.INTER_NEAREST))
    save(tmp_path / "1.png", coloured("iron"))
    read(tmp_path)
    assert caplog.text.count("brightness is taken, which is not warmth") == 1


def test_a_stated_palette(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "0.png", coloured("arctic"))
    np.testing.assert_allclose(read(tmp_path, palette="arctic")[0].pixels.astype(int), scene(), atol=3)
    caplog.clear()
    grey = cv2.cvtColor(coloured("arctic"), cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(read(tmp_path, palette="none")[0].pixels, grey)
    assert not caplog.text


def test_black_hot_is_turned_round(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), 255 - scene())
    np.testing.assert_array_equal(read(f"thermal://{tmp_path}?palette=black-hot")[0].pixels, scene())
    video = write_video(tmp_path / "t.mkv", [255 - scene()], codec="ffv1", pixel_format="gray")
    np.testing.assert_array_equal(read(video, palette="black-hot")[0].pixels, scene())


@pytest.mark.parametrize("form", ["{}", "live://{}"])
def test_steps_of_a_palette_are_no_temperatures(tmp_path: Path, form: str) -> None:
    save(tmp_path / "0.png", coloured("iron"))
    unit = {"celsius_per_count": 0.5, "celsius_at_zero": -20.0}
    assert read(tmp_path / "0.png", **unit)[0].radiometry is None
    path = write_video(tmp_path / "t.mp4", [coloured("iron")] * 2)
    with source_of(form.format(path), **unit) as source:
        assert source.info.radiometry is None and next(iter(source)).radiometry is None


def test_counts_have_no_palette(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), scene().astype(np.uint16))
    video = write_video(tmp_path / "t.mkv", [scene().astype(np.uint16)], pixel_format="gray16le")
    for place in (tmp_path / "0.png", video):
        with pytest.raises(SourceError, match="holds counts, which have no palette"):
            read(place, palette="iron")


@pytest.mark.refdata
def test_the_case_of_a_rainbow(refdata: Path) -> None:
    frames = read(refdata / "cases/files/14-rainbow-palette/thermal_rainbow.mp4")
    assert all(frame.pixels[60, 20] > frame.pixels.astype(int)[60, 60:].max() for frame in frames[:1])
    assert (np.diff(frames[0].pixels[60, 60::10].astype(int)) > 0).all()


@pytest.mark.refdata
def test_visible_pictures_are_of_no_palette(refdata: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in sorted((refdata / "data/roadscene/visible").iterdir())[::9]:
        read(path)
    assert "by a palette" not in caplog.text
