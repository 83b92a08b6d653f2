from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.conftest import Gifnet
from tests.helpers.media import make_pair, moving_pattern, write_video


def test_a_table_compares_a_pair(gifnet: Gifnet, tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, bits=14, audio=True)
    done = gifnet("probe", visible, thermal)
    assert done.status == 0
    assert done.err == ""
    lines = {
        line.split("│")[1].strip(): line.split("│")[2:4] for line in done.out.splitlines() if "│" in line
    }
    assert [cell.strip() for cell in lines["pixels"]] == ["yuv420p, 8 bits", "gray14le, 14 bits"]
    assert [cell.strip() for cell in lines["audio"]] == ["yes", "no"]


def test_json_tells_all(gifnet: Gifnet, tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "v.mp4", moving_pattern(6, colour=True), rotation=90, matrix="bt709", start_pts=25
    )
    (facts,) = json.loads(gifnet("probe", "--json", path).out)
    assert (facts["width"], facts["height"], facts["rotation"]) == (48, 64, 90)
    assert (facts["rate"], facts["frames"], facts["duration_s"]) == (25, 6, 0.24)
    assert (facts["pixel_format"], facts["matrix"], facts["range"], facts["codec"]) == (
        "yuv420p",
        1,
        "limited",
        "h264",
    )
    assert facts["first_times_s"] == [1, 1.04, 1.08]


def test_a_bad_one_does_not_hide_the_others(gifnet: Gifnet, tmp_path: Path) -> None:
    good = write_video(tmp_path / "v.mp4", moving_pattern(2, colour=True))
    (tmp_path / "empty.mp4").touch()
    done = gifnet("probe", "rtsp://eve:s3cret@cam/1", good, tmp_path / "empty.mp4")
    assert done.status == 1
    assert "64x48" in done.out
    assert len(done.err.splitlines()) == 2
    assert "empty.mp4 is empty" in done.err
    assert "s3cret" not in done.out + done.err


def test_generated_scenes_and_folders(gifnet: Gifnet, tmp_path: Path) -> None:
    assert (
        gifnet("scenes", "synthetic://street?size=64x48", "-o", tmp_path / "s", "--count", 2, "-q").status
        == 0
    )
    done = gifnet("probe", "--json", "synthetic://street?size=64x48&rate=10", tmp_path / "s/thermal")
    generated, folder = json.loads(done.out)
    assert (generated["rate"], generated["codec"]) == (10, "street")
    assert (folder["pixel_format"], folder["frames"], folder["codec"]) == ("gray16", 2, "png")
