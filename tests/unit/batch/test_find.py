from __future__ import annotations

from pathlib import Path

import pytest

from stream.batch.find import find_rows, side_of
from stream.errors import ConfigError


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("name", "side", "key"),
    [
        ("a_visible.mp4", "visible", "a"),
        ("night/a-IR.MP4", "thermal", "night/a"),
        ("rgb/a.mp4", "visible", "a"),
        ("day/lwir/a.mkv", "thermal", "day/a"),
        ("DJI_0001_W.MP4", "visible", "DJI_0001"),
        ("DJI_0001_T.MP4", "thermal", "DJI_0001"),
        ("one/visible.mp4", "visible", "one"),
        ("visible_a.mp4", "visible", "a"),
        ("a.mp4", "", "a"),
        ("first.mp4", "", "first"),
    ],
)
def test_a_name_tells_its_side(name: str, side: str, key: str) -> None:
    assert side_of(Path(name)) == (side, key)


def test_pairs_of_a_folder_are_found_and_what_is_alone_is_told(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "a_visible.mp4",
        "a_thermal.mkv",
        "deep/rgb/b.mp4",
        "deep/ir/b.mp4",
        "c_visible.mp4",
        "d.mp4",
    )
    touch(
        tmp_path,
        "e/visible/0.png",
        "e/thermal/0.png",
        "rec/recording.json",
        "rec/visible-0000.nut",
        "notes.txt",
    )
    rows, alone = find_rows(str(tmp_path))
    found = {row.values["output"]: (row.values["visible"], row.values["thermal"]) for row in rows}
    assert found == {
        "rec.mp4": (f"replay://{tmp_path}/rec",) * 2,
        "a.mp4": (f"{tmp_path}/a_visible.mp4", f"{tmp_path}/a_thermal.mkv"),
        "deep/b.mp4": (f"{tmp_path}/deep/rgb/b.mp4", f"{tmp_path}/deep/ir/b.mp4"),
        "e.mp4": (f"{tmp_path}/e/visible", f"{tmp_path}/e/thermal"),
    }
    assert alone == [f"{tmp_path}/c_visible.mp4", f"{tmp_path}/d.mp4"]


def test_a_glob_finds_pairs_below_its_fixed_part(tmp_path: Path) -> None:
    touch(tmp_path, "x/a_rgb.mp4", "x/a_ir.mp4", "y/a_rgb.mp4", "y/a_ir.mp4", "y/b_rgb.avi")
    rows, _ = find_rows(f"{tmp_path}/*/*.mp4")
    assert sorted(row.values["output"] for row in rows) == ["x/a.mp4", "y/a.mp4"]


def test_three_that_belong_together_are_a_wrong_row(tmp_path: Path) -> None:
    touch(tmp_path, "a_rgb.mp4", "a_visible.mp4", "a_ir.mp4")
    rows, _ = find_rows(str(tmp_path))
    assert "more than two" in rows[0].problems[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [("none", "there is no manifest"), ("pair.mp4", "must be a folder, a glob"), (".", "no recorded pair")],
)
def test_what_is_no_manifest_is_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    touch(tmp_path, "pair.mp4")
    with pytest.raises(ConfigError, match=words):
        find_rows(str(tmp_path / name))
