"""The visible picture in FLIR's files: read for the visible side, and laid under the counts."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stream.errors import SourceError
from stream.sources.pictures.radiometric.raw_image import FlirError
from stream.sources.pictures.radiometric.visible import first_alignment, read_flir_visible
from tests.helpers.flir import flir_jpeg, visible_record
from tests.helpers.media import moving_pattern
from tests.unit.sources.test_thermal_files import put, read, source_of

COUNTS = moving_pattern(1, depth=14)[0] + 3000
VISIBLE = cv2.GaussianBlur(cv2.resize(moving_pattern(1, colour=True)[0], (160, 120)), (9, 9), 4)


def both(tmp_path: Path, **values: Any) -> Path:
    values = {"visible": visible_record(VISIBLE), "overlay": (1.6, 5, -3), **values}
    return put(tmp_path / "0.jpg", flir_jpeg(COUNTS, **values))


@pytest.mark.parametrize("kind", ["jpeg", "png", "bare"])
@pytest.mark.parametrize("form", ["{}", "flir://{}", "flir://{}?part=visible", "flir://{}/*.jpg"])
def test_the_visible_side_is_the_picture_beside_the_counts(tmp_path: Path, kind: str, form: str) -> None:
    both(tmp_path, visible=visible_record(VISIBLE, kind))
    (frame,) = read(form.format(tmp_path), "visible")
    assert frame.size == (160, 120)
    np.testing.assert_allclose(frame.pixels.astype(int), VISIBLE, atol=12)


def test_the_thermal_side_of_the_same_file_is_its_counts(tmp_path: Path) -> None:
    path = both(tmp_path)
    for uri in (str(path), f"flir://{path}", f"flir://{path}?part=thermal&layout=uint16"):
        np.testing.assert_array_equal(read(uri)[0].pixels, COUNTS)


def test_the_picture_itself(tmp_path: Path) -> None:
    both(tmp_path)
    (frame,) = read(f"flir://{tmp_path}?part=picture", "visible")
    assert frame.size == (96, 64)


def test_a_first_alignment(tmp_path: Path) -> None:
    both(tmp_path)
    with source_of(tmp_path, "visible") as source:
        alignment = source.info.alignment
    assert alignment is not None
    matrix = alignment.visible_from_thermal()
    # The counts cover 100 of 160 columns, so one of their 64 is 1.5625 visible pixels.
    assert matrix[0, 0] == pytest.approx(160 / 1.6 / 64) == matrix[1, 1]
    middle = matrix @ [31.5, 23.5, 1]
    assert middle[:2] == pytest.approx([79.5 + 5, 59.5 - 3])


@pytest.mark.parametrize("overlay", [None, (0.0, 0, 0), (float("nan"), 0, 0), (1.5, 30_000, 0)])
def test_no_alignment_where_the_file_tells_none(tmp_path: Path, overlay: Any) -> None:
    both(tmp_path, overlay=overlay)
    with source_of(tmp_path, "visible") as source:
        assert source.info.alignment is None


def test_files_without_a_visible_picture(tmp_path: Path) -> None:
    put(tmp_path / "0.jpg", flir_jpeg(COUNTS))
    assert read(tmp_path, "visible")[0].size == (96, 64)
    with pytest.raises(SourceError, match="holds no visible picture beside its counts"):
        read(f"flir://{tmp_path}?part=visible", "visible")


@pytest.mark.parametrize(
    ("query", "role", "problem"),
    [
        ("?part=visible", "thermal", "part=visible is not a part for the thermal side"),
        ("?part=thermal", "visible", "part=thermal is not a part for the visible side"),
        ("?part=left", "visible", "part must be visible, thermal, picture, got 'left'"),
    ],
)
def test_wrong_parts(tmp_path: Path, query: str, role: Any, problem: str) -> None:
    both(tmp_path)
    with pytest.raises(SourceError, match=problem):
        read(f"flir://{tmp_path}{query}", role)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (b"\4\0abc", "has no header"),
        (struct.pack("<HHH", 4, 0, 5).ljust(99, b"\0"), "0x5 pixels"),
        (struct.pack("<HHH", 4, 60000, 60000).ljust(99, b"\0"), "60000x60000 pixels"),
        (struct.pack("<HHH", 4, 50, 50).ljust(99, b"\0"), "50x50 pixels and has 67 bytes"),
        (visible_record(VISIBLE)[:300], "is damaged"),
        (struct.pack("<HHH", 4, 50, 50) + visible_record(VISIBLE)[6:], "is damaged"),
    ],
)
def test_damaged_visible_pictures(record: bytes, problem: str) -> None:
    with pytest.raises(FlirError, match=problem):
        read_flir_visible(flir_jpeg(COUNTS, visible=record))


def test_the_alignment_maps_corners() -> None:
    matrix = first_alignment((640, 480), (160, 120), 2.0, (0, 0)).visible_from_thermal()
    corner = matrix @ [-0.5, -0.5, 1]
    assert corner[:2] == pytest.approx([640 / 4 - 0.5, 480 / 4 - 0.5])
