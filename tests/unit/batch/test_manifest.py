from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.batch.manifest import absolute_uri, read_manifest
from stream.errors import ConfigError


def test_a_table_gives_rows_with_absolute_paths_and_without_empty_cells(tmp_path: Path) -> None:
    manifest = tmp_path / "pairs.csv"
    manifest.write_text(
        "visible,thermal,output,calibration,gain-low,weights,detector\n"
        "a.mp4,b.mp4,x.mp4,cal.yaml,,,own.onnx\n\n"
        "/else/a.mp4,images://ir?rate=5,,,2,lite,default\n"
    )
    first, second = read_manifest(manifest)
    assert first.place == "line 2" and second.place == "line 4"
    assert first.values == {
        "visible": f"{tmp_path}/a.mp4",
        "thermal": f"{tmp_path}/b.mp4",
        "output": "x.mp4",
        "calibration": f"{tmp_path}/cal.yaml",
        "detector": f"{tmp_path}/own.onnx",
    }
    assert second.values == {
        "visible": "/else/a.mp4",
        "thermal": f"images://{tmp_path}/ir?rate=5",
        "gain_low": "2",
        "weights": "lite",
        "detector": "default",
    }


def test_lines_of_json_are_rows_and_each_mistake_stays_in_its_row(tmp_path: Path) -> None:
    manifest = tmp_path / "pairs.jsonl"
    good = {"visible": "a.mp4", "thermal": "b.mp4", "gain-low": 2, "device": None}
    lines = [json.dumps(good), "{", "[1]", json.dumps({"visble": "a"}), json.dumps({"visible": 3})]
    manifest.write_text("\n".join(lines))
    rows = read_manifest(manifest)
    assert rows[0].values["gain_low"] == 2 and "device" not in rows[0].values
    assert [row.place for row in rows] == [f"line {number}" for number in range(1, 6)]
    told = [" ".join(row.problems) for row in rows[1:]]
    assert told[0] == "it is no JSON"
    assert told[1].startswith("it is no JSON object")
    assert told[2].startswith("visble is no column") and "did you mean visible?" in told[2]
    assert told[3] == "visible must be a text, got 3"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no head"),
        ("a.mp4,b.mp4\n", "no head that names its columns"),
        ("visible,thermal\n", "has no rows"),
        ("visible,thermal,visible\na,b,c\n", "column visible twice"),
        ('visible,thermal\n"a,b\n', "is no CSV"),
    ],
)
def test_a_file_that_is_no_manifest_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    manifest = tmp_path / "pairs.csv"
    manifest.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_manifest(manifest)


def test_more_cells_than_columns_are_no_row(tmp_path: Path) -> None:
    manifest = tmp_path / "pairs.csv"
    manifest.write_text("visible;thermal\na.mp4;b.mp4;c.mp4\n")
    assert read_manifest(manifest)[0].problems == ("it has 3 cells where the head names 2 columns",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a.mp4?track=1", "/base/a b/a.mp4?track=1"),
        ("thermal://x.y16?size=4x3", "thermal:///base/a%20b/x.y16?size=4x3"),
        ("thermal:///x.y16", "thermal:///x.y16"),
        ("synthetic://street?seed=1", "synthetic://street?seed=1"),
    ],
)
def test_paths_begin_at_the_folder_of_the_manifest(text: str, wanted: str) -> None:
    assert absolute_uri(text, Path("/base/a b")) == wanted
