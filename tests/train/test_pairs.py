"""Reading pairs, and saying what is wrong with them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gifnet.errors import TrainingError
from gifnet.train.pairs import load_pairs, luma, stretch
from tests.helpers.media import write_video


def test_nested_scenes_are_found_and_matched(pairs: Path):
    found = load_pairs([pairs])
    assert [pair.scene for pair in found] == ["street", "street", "yard", "yard"]
    assert all(np.array_equal(pair.thermal, 255 - pair.visible) for pair in found)


def test_visible_becomes_luma():
    pure = np.eye(3, dtype=np.uint8)[None] * 255  # blue, green, red
    assert luma(pure)[0].tolist() == [29, 150, 76]


def test_deep_thermal_is_stretched_between_its_percentiles():
    counts = np.linspace(3000, 5000, 10_000).reshape(100, 100).astype(np.uint16)
    grey = stretch(counts)
    assert (grey[0, 0], grey[-1, -1]) == (0, 255)
    assert grey[50, 0] == pytest.approx(127, abs=2)


def test_a_16_bit_file_is_read(pairs: Path):
    counts = np.arange(3136, dtype=np.uint16).reshape(56, 56) + 7000
    cv2.imwrite(str(pairs / "street" / "thermal" / "0.png"), counts)
    grey = load_pairs([pairs])[0].thermal
    assert grey.dtype == np.uint8
    assert np.ptp(grey) == 255


def test_every_nth_frame_of_clips_is_taken(tmp_path: Path):
    for kind in ("visible", "thermal"):
        frames = [np.full((48, 64), 20 * index, np.uint8) for index in range(7)]
        write_video(tmp_path / f"walk_{kind}.mp4", frames)
    found = load_pairs([tmp_path], clip_step=3)
    assert [pair.scene for pair in found] == ["walk"] * 3
    assert [int(pair.visible.mean().round()) for pair in found] == pytest.approx([0, 60, 120], abs=3)


def test_a_picture_without_partner_is_named(pairs: Path):
    (pairs / "yard" / "thermal" / "1.png").unlink()
    with pytest.raises(TrainingError, match=r"yard: no partner for 1 in visible/ or thermal/"):
        load_pairs([pairs])


def test_an_unreadable_picture_is_named(pairs: Path):
    (pairs / "yard" / "thermal" / "1.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"yard/thermal/1.png cannot be read"):
        load_pairs([pairs])


def test_sizes_that_differ_are_named(pairs: Path):
    cv2.imwrite(str(pairs / "yard" / "thermal" / "0.png"), np.zeros((20, 56), np.uint8))
    with pytest.raises(TrainingError, match=r"one size; they differ for .*yard/visible/0.png$"):
        load_pairs([pairs])


def test_pictures_smaller_than_a_crop_are_named(pairs: Path):
    with pytest.raises(TrainingError, match="at least 128 pixels"):
        load_pairs([pairs], smallest_px=128)


def test_a_damaged_clip_is_named(tmp_path: Path):
    for kind in ("visible", "thermal"):
        (tmp_path / f"walk_{kind}.mp4").write_bytes(b"no video")
    with pytest.raises(TrainingError, match=r"walk_visible.mp4 cannot be decoded"):
        load_pairs([tmp_path])


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_without_pairs(tmp_path: Path, make: bool):
    folder = tmp_path / "empty"
    if make:
        folder.mkdir()
    with pytest.raises(TrainingError, match="no pairs in" if make else "does not exist"):
        load_pairs([folder])
