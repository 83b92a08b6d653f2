from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.e2e.conftest import Gifnet
from tests.helpers.media import make_pair, moving_pattern, write_video
from tests.unit.sources.test_container_says import interlaced, pq_signal, with_aspect, write_hdr
from tests.unit.sources.test_part import two_tracks


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


def test_four_sources_are_readable_on_a_narrow_terminal(gifnet: Gifnet, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a_name_of_some_length.mp4", moving_pattern(2, colour=True))
    lines = gifnet("probe", path, path, path, path).out.splitlines()
    assert max(map(len, lines)) <= 80
    sizes = [line for line in lines if "64x48" in line]
    assert [line.count("64x48") for line in sizes] == [2, 2]
    assert all("yuv420p, 8 bits" in line for line in lines if "pixels" in line)


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


def test_what_the_container_says(gifnet: Gifnet, tmp_path: Path) -> None:
    shape = with_aspect(
        write_video(tmp_path / "plain.mp4", moving_pattern(2)), tmp_path / "shape.mp4", Fraction(16, 11)
    )
    hdr = write_hdr(tmp_path / "hdr.mkv", np.full((16, 16, 3), 255), 16, pq_signal)
    combed, (tracks, _) = interlaced(tmp_path / "combed.mkv"), two_tracks(tmp_path)
    uris = [shape, hdr, combed, f"{tracks}?track=1"]
    facts = json.loads(gifnet("probe", "--json", *uris).out)
    assert [each["pixel_aspect"] for each in facts] == ["16/11", "1", "1", "1"]
    assert [each["hdr"] for each in facts] == [None, "HDR10 (PQ)", None, None]
    assert (facts[1]["matrix"], facts[1]["primaries"], facts[1]["transfer"]) == (9, 9, 16)
    assert [each["interlaced"] for each in facts] == [False, False, True, False]
    assert [len(each["tracks"]) for each in facts] == [1, 1, 1, 2]
    assert (facts[3]["pixel_format"], facts[3]["width"]) == ("gray16le", 32)
    words = gifnet("probe", shape, hdr, combed).out.replace("\n", " ")
    assert all(word in words for word in ("16:11", "HDR10 (PQ)", "BT.2020", "interlaced", "progressive"))


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
