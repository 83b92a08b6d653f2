"""Rows of a thermal camera's pictures that are no picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.config import InputSettings, ThermalInputSettings
from stream.errors import SourceError
from stream.sources import open_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(3):
        rows = np.arange(20, dtype=np.uint16)[:, None] + 100 * index + np.zeros((1, 24), np.uint16)
        assert cv2.imwrite(str(tmp_path / f"{index}.png"), rows)
    return tmp_path


def test_they_are_cut_off_before_anything_else(folder: Path) -> None:
    settings = ThermalInputSettings(uri=f"images://{folder}", cut_top=1, cut_bottom=3)
    with open_source(settings, "thermal") as source:
        assert (source.info.width, source.info.height) == (24, 16)
        frames = list(source)
    assert [frame.size for frame in frames] == [(24, 16)] * 3
    assert np.asarray(frames[2].pixels)[:, 0].tolist() == list(range(201, 217))


def test_a_picture_must_be_left(folder: Path) -> None:
    settings = ThermalInputSettings(uri=f"images://{folder}", cut_bottom=20)
    with pytest.raises(SourceError, match=r"has 20 rows, and thermal\.cut_top .* would cut off 20; leave at"):
        open_source(settings, "thermal")


def test_visible_pictures_are_whole(folder: Path) -> None:
    with open_source(InputSettings(uri=f"images://{folder}"), "visible") as source:
        assert source.info.height == 20
