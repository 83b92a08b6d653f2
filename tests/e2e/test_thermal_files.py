"""Thermal files through the commands: probe tells what is in them, run fuses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stream.radiometry import Linear, from_json
from tests.e2e.conftest import Gifnet
from tests.helpers.flir import CAMERA, flir_jpeg
from tests.helpers.media import moving_pattern, write_video
from tests.helpers.tiff import tiff
from tests.helpers.two_pictures import two_pictures, write

COUNTS = [each + 9000 for each in moving_pattern(3, depth=13)]
SIZE = "size=64x48"


@pytest.fixture
def visible(tmp_path: Path) -> Path:
    return write_video(tmp_path / "visible.mp4", moving_pattern(3, colour=True))


def pages(folder: Path) -> str:
    (folder / "t.tiff").write_bytes(tiff(COUNTS))
    return f"{folder}/t.tiff"


def raw(folder: Path) -> str:
    (folder / "t.y16").write_bytes(np.stack(COUNTS).astype("<u2").tobytes())
    return f"thermal://{folder}/t.y16?{SIZE}&bits=14"


def pictures(folder: Path, suffix: str) -> str:
    (folder / "t").mkdir()
    for index, counts in enumerate(COUNTS):
        data = flir_jpeg(counts) if suffix == ".jpg" else cv2.imencode(suffix, counts)[1].tobytes()
        (folder / "t" / f"{index}{suffix}").write_bytes(data)
    return f"{folder}/t"


def thermal(folder: Path, kind: str) -> str:
    match kind:
        case "pages":
            return pages(folder)
        case "raw":
            return raw(folder)
        case "video":
            return f"thermal://{write_video(folder / 't.mkv', COUNTS)}"
        case _:
            return pictures(folder, kind)


def told(gifnet: Gifnet, uri: str) -> dict[str, Any]:
    done = gifnet("probe", "--json", uri)
    assert done.status == 0, done.err
    (facts,) = json.loads(done.out)
    return dict(facts)


@pytest.mark.parametrize("kind", ["pages", "raw", "video", ".png", ".tif"])
def test_probe_tells_the_range_of_counts(gifnet: Gifnet, tmp_path: Path, kind: str) -> None:
    facts = told(gifnet, thermal(tmp_path, kind))
    low, high = int(np.min(COUNTS)), int(np.max(COUNTS))
    assert facts["counts"] == {"low": low, "high": high, "bits": 14, "frames": 3, "celsius": None}
    assert facts["bits"] == (14 if kind == "raw" else 16)
    assert facts["frames"] == 3 and facts["radiometry"] is None


def test_probe_tells_the_degrees_of_a_folder_of_csv(gifnet: Gifnet, tmp_path: Path) -> None:
    rows = "\n".join(",".join(f"{row + column / 10:.1f}" for column in range(16)) for row in range(16))
    (tmp_path / "0.csv").write_text(rows)
    facts = told(gifnet, str(tmp_path))
    assert facts["counts"]["celsius"] == [0, 16.5]


def test_run_takes_the_counts_below_a_picture(gifnet: Gifnet, tmp_path: Path) -> None:
    path = write(tmp_path / "t.mkv", two_pictures(3)[0], "ffv1", "yuv422p")
    visible = write_video(tmp_path / "v.mp4", [np.zeros((192, 256, 3), np.uint8)] * 3)
    arguments = ["run", str(visible), str(path), "--model", "null", "--view", "thermal", "-o"]
    refused = gifnet(*arguments, f"images://{tmp_path / 'a'}")
    assert refused.status == 1 and "--thermal-camera p2pro" in refused.err
    report = tmp_path / "r.json"
    output = f"images://{tmp_path / 'b'}"
    done = gifnet(*arguments, output, "--thermal-camera", "p2pro", "--report", str(report))
    assert done.status == 0, done.err
    shown = cv2.imread(str(min((tmp_path / "b").glob("*.png"))), cv2.IMREAD_GRAYSCALE)
    assert shown is not None and shown.shape == (192, 256)
    assert shown[80, 70] == 255 and shown[20, 250] < 255 and shown[20, 200] >= shown[20, 20]
    assert json.loads(report.read_text())["radiometry"]["celsius_per_count"] == 1 / 64


def test_probe_tells_the_temperatures_of_a_radiometric_jpeg(gifnet: Gifnet, tmp_path: Path) -> None:
    uri = f"thermal://{pictures(tmp_path, '.jpg')}"
    facts = told(gifnet, uri)
    assert facts["counts"]["celsius"] == pytest.approx(
        CAMERA.celsius([COUNTS[0].min(), COUNTS[0].max()]), abs=0.02
    )
    assert facts["radiometry"]["model"] == "planck"
    table = gifnet("probe", uri).out
    assert "Planck, emissivity 0.95, reflected 20.0 °C" in table


def test_probe_of_visible_pictures_says_nothing_of_counts(gifnet: Gifnet, visible: Path) -> None:
    assert told(gifnet, str(visible))["counts"] is None
    assert "counts" not in gifnet("probe", visible).out


@pytest.mark.parametrize("kind", ["pages", "raw", "video", ".png", ".jpg"])
def test_every_kind_is_fused(run: Gifnet, tmp_path: Path, visible: Path, kind: str) -> None:
    uri = thermal(tmp_path, kind)
    done = run(visible, uri, "-o", tmp_path / "out.mp4", "--model", "null", "--report", tmp_path / "r.json")
    assert (done.status, done.err) == (0, "")
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["fused"] == 3 and report["lost"]["thermal"] == {}
    assert (report["radiometry"] is not None) == (kind == ".jpg")


def test_gain_and_offset_reach_report_and_sidecar(run: Gifnet, tmp_path: Path, visible: Path) -> None:
    words = ["--thermal-celsius-per-count", "0.01", "--thermal-celsius-at-zero", "-273.15", "--sidecar"]
    out = ["-o", tmp_path / "out.mp4", "--model", "null", "--report", tmp_path / "r.json"]
    assert run(visible, raw(tmp_path), *words, *out).status == 0
    told = Linear(0.01, -273.15)
    assert from_json(json.loads((tmp_path / "r.json").read_text())["radiometry"]) == told
    (sidecar,) = tmp_path.glob("*.jsonl")
    lines = [json.loads(line) for line in sidecar.read_text().splitlines()]
    assert [from_json(line["thermal"]["radiometry"]) for line in lines] == [told] * 3


def test_gain_without_offset_is_one_sentence(run: Gifnet, tmp_path: Path, visible: Path) -> None:
    words = ["--thermal-celsius-per-count", "0.01", "-o", tmp_path / "out.mp4"]
    done = run(visible, raw(tmp_path), *words)
    assert done.status != 0
    assert "celsius_per_count and celsius_at_zero belong together" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_raw_file_is_not_written_over(run: Gifnet, tmp_path: Path, visible: Path) -> None:
    uri = f"thermal://{write_video(tmp_path / 't.mkv', COUNTS)}"
    done = run(visible, uri, "-o", tmp_path / "t.mkv")
    assert done.status != 0 and "would be overwritten" in done.err


def test_colour_maps_are_for_viewing(run: Gifnet, tmp_path: Path, visible: Path) -> None:
    uri, pictures = pages(tmp_path), {}
    for name in ("black-hot", "white-hot"):
        words = ["--view", "thermal-colour", "--colour-map", name, "--model", "null"]
        done = run(visible, uri, "-o", f"{tmp_path}/{name}/", *words)
        assert (done.status, done.err) == (0, "")
        pictures[name] = cv2.imread(str(tmp_path / name / "000001.png"))
    np.testing.assert_array_equal(pictures["black-hot"], 255 - pictures["white-hot"])


def test_an_unknown_colour_map_names_the_known_ones(run: Gifnet, tmp_path: Path, visible: Path) -> None:
    done = run(visible, pages(tmp_path), "-o", tmp_path / "o.mp4", "--colour-map", "jet")
    assert done.status == 2 and "'iron'" in done.err
