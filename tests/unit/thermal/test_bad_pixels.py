"""Bad pixels: their files, and what stands in for them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.errors import CalibrationError, ConfigError
from stream.thermal.bad_pixels import load_bad_pixels, replacement_indices

SIZE = (20, 10)


def listed(folder: Path, text: str) -> Path:
    path = folder / "bad.txt"
    path.write_text(text, encoding="utf-8")
    return path


def mapped(folder: Path, picture: np.ndarray) -> Path:
    path = folder / "bad.png"
    assert cv2.imwrite(str(path), picture)
    return path


def test_a_list_has_a_pixel_a_line(tmp_path: Path) -> None:
    bad = load_bad_pixels(listed(tmp_path, "# two\n\n3 1\n19, 9  # last\n"), SIZE)
    assert np.argwhere(bad).tolist() == [[1, 3], [9, 19]]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_map_is_not_black_where_bad(tmp_path: Path, channels: int) -> None:
    picture = np.zeros((10, 20, channels), np.uint8)
    picture[4, 5, 0] = 1
    assert np.argwhere(load_bad_pixels(mapped(tmp_path, picture), SIZE)).tolist() == [[4, 5]]


def test_stand_ins_are_the_nearest_good_ones() -> None:
    bad = np.zeros((10, 20), bool)
    bad[5, 5] = bad[5, 6] = bad[0, 0] = True
    found = replacement_indices(bad)
    assert found is not None
    places, sources = found
    assert places.tolist() == [0, 105, 106]
    assert sorted(sources[0].tolist()) in ([1, 2, 20, 21], [1, 20, 21, 40])
    assert {85, 104, 125} < set(sources[1].tolist())
    assert not bad.ravel()[sources.numpy()].any()


def test_a_cluster_is_mended_from_its_border() -> None:
    bad = np.zeros((30, 30), bool)
    bad[10:15, 10:15] = True
    found = replacement_indices(bad)
    assert found is not None
    assert len(found[0]) == 25


def test_no_bad_pixel_needs_nothing() -> None:
    assert replacement_indices(np.zeros((4, 4), bool)) is None


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("3 1\nx 4\n", ConfigError, "line 2 of the bad pixels .* as in `12 7`, got 'x 4'"),
        ("3\n", ConfigError, "line 1 .* must be x and y"),
        ("-3 1\n", ConfigError, "line 1 .* must be x and y"),
        ("20 1\n", CalibrationError, "line 1 .* is 20 1, and the thermal picture has 20x10 pixels"),
    ],
)
def test_lists_that_are_wrong(tmp_path: Path, text: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        load_bad_pixels(listed(tmp_path, text), SIZE)


def test_a_map_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="has 8x8 pixels and the thermal picture 20x10"):
        load_bad_pixels(mapped(tmp_path, np.zeros((8, 8), np.uint8)), SIZE)


def test_a_map_the_wrong_way_round_is_refused() -> None:
    bad = np.ones((30, 30), bool)
    bad[3, 3] = False
    with pytest.raises(CalibrationError, match="a map must be black where pixels are good"):
        replacement_indices(bad)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_bad_pixels(tmp_path / "none.txt", SIZE)
