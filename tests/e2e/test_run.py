from __future__ import annotations

import json
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import yaml

import stream
from gifnet.weights import read
from tests.e2e.conftest import Gifnet
from tests.helpers.media import make_pair, moving_pattern, write_video
from tests.helpers.patience import patience
from tests.helpers.readback import count_frames, read_frames, read_times
from tests.helpers.running import CAMERAS
from tests.unit.sources.test_container_says import pq_signal, with_aspect, write_hdr

SIZE = (96, 64)


def test_as_many_frames_out_as_pairs_in_at_the_same_times(run: Gifnet, tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=6, size=SIZE)
    done = run(visible, thermal, "-o", tmp_path / "fused.mp4")
    assert (done.status, done.err) == (0, "")
    assert read_times(tmp_path / "fused.mp4") == read_times(visible)
    frames = read_frames(tmp_path / "fused.mp4")
    assert frames[0].shape == (64, 96, 3)


def test_the_report_tells_everything(run: Gifnet, tmp_path: Path, weights: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=6, size=SIZE, thermal_count=4)
    report = tmp_path / "report.json"
    assert run(visible, thermal, "-o", tmp_path / "fused.mp4", "--report", report).status == 0
    told = json.loads(report.read_text())
    assert told["complete"] is True
    assert told["error"] is None
    assert told["frames_in"] == {"visible": 6, "thermal": 4}
    assert told["fused"] == 4
    assert told["dropped"] == {"visible_unpaired": 2}
    assert told["lost"] == {"visible": {}, "thermal": {}}
    expected = {"name": "cpu", "why": "as asked for", "batch": "1", "slots": "3", "form": "torch"}
    assert told["device"] == expected
    assert told["weights"] == {"name": str(weights), "sha256": read(weights).sha256}
    assert told["precision"] in ("float32", "bfloat16")
    output = {"uri": str(tmp_path / "fused.mp4"), "view": "fused", "frames": 4}
    output |= {"skipped": 0, "encoder": "libx264"}
    assert told["outputs"] == [output]
    decoder = {"name": "cpu (libav h264)", "why": "the network does not run on a GPU"}
    assert told["decoders"] == {"visible": decoder, "thermal": decoder}
    assert told["settings"]["pairing"]["tolerance_ms"] == "auto"
    stages = ["read", "upload", "luma", "gain", "register", "network", "merge", "download", "write"]
    assert sorted(told["stages"]) == sorted(stages)
    assert all(stage["count"] == 4 for stage in told["stages"].values())
    assert told["stages"]["network"]["p95_ms"] >= told["stages"]["network"]["p50_ms"] > 0
    assert told["wall_s"] > 0


def test_the_summary(gifnet: Gifnet, tmp_path: Path, weights: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=3, size=SIZE)
    out = tmp_path / "fused.mkv"
    done = gifnet("run", visible, thermal, "-o", out, "--weights", weights, "--device", "cpu")
    assert done.status == 0
    assert done.out == ""
    for words in ("3 visible, 3 thermal", "p95 ms", "network", f"{out} (fused, 3 frames, libx264)"):
        assert words in done.err
    assert "as asked for" in done.err and "decoded by cpu (libav h264)" in done.err


def test_every_view_at_once(run: Gifnet, tmp_path: Path, weights: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=2, size=SIZE)
    views = ("fused", "side-by-side", "visible", "thermal", "thermal-colour", "checkerboard")
    config = tmp_path / "run.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "visible": {"uri": str(visible)},
                "thermal": {"uri": str(thermal)},
                "outputs": [
                    {"uri": str(tmp_path / f"out-{view}.mp4"), "view": view, "quality": 5} for view in views
                ],
            }
        )
    )
    assert run("-c", config).status == 0
    pictures = {view: read_frames(tmp_path / f"out-{view}.mp4")[0] for view in views}
    assert pictures["side-by-side"].shape == (64, 288, 3)
    assert pictures["fused"].shape == (64, 96, 3)
    source = read_frames(visible)[0].astype(float)
    assert np.abs(pictures["visible"].astype(float) - source).mean() < 4
    assert np.ptp(pictures["thermal"].astype(int), axis=2).max() < 12
    assert np.ptp(pictures["thermal-colour"].astype(int), axis=2).max() > 60
    board = pictures["checkerboard"].astype(float)
    assert np.abs(board[:32, :32] - pictures["visible"][:32, :32]).mean() < 4
    assert np.abs(board[:32, 32:64] - pictures["thermal"][:32, 32:64]).mean() < 4


def test_slower_and_shorter_thermal_stream(run: Gifnet, tmp_path: Path) -> None:
    visible, thermal = make_pair(
        tmp_path, count=12, size=SIZE, rate=25, thermal_rate=Fraction(25, 2), thermal_count=4
    )
    report = tmp_path / "report.json"
    assert run(visible, thermal, "-o", tmp_path / "fused.mp4", "--report", report).status == 0
    told = json.loads(report.read_text())
    assert read_times(tmp_path / "fused.mp4") == [Fraction(number, 25) for number in (0, 2, 4, 6)]
    assert told["frames_in"]["visible"] == told["fused"] + told["dropped"]["visible_unpaired"] == 12


def test_holding_keeps_every_visible_frame(run: Gifnet, tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=8, size=SIZE, rate=25, thermal_rate=5, thermal_count=2)
    done = run(visible, thermal, "-o", tmp_path / "fused.mp4", "--unpaired", "hold", "--tolerance-ms", 1)
    assert done.status == 0
    assert read_times(tmp_path / "fused.mp4") == read_times(visible)


def test_an_offset_between_the_clocks(run: Gifnet, tmp_path: Path) -> None:
    visible = write_video(tmp_path / "v.mp4", moving_pattern(6, SIZE, colour=True))
    thermal = write_video(tmp_path / "t.mkv", moving_pattern(6, SIZE), start_pts=100)
    out = tmp_path / "fused.mp4"
    assert run(visible, thermal, "-o", out).status == 1
    assert not out.exists()
    assert run(visible, thermal, "-o", out, "--offset-ms", 4000).status == 0
    assert count_frames(out) == 6


@pytest.mark.parametrize("bits", [14, 16])
def test_raw_counts(run: Gifnet, tmp_path: Path, bits: int) -> None:
    visible, thermal = make_pair(tmp_path, count=2, size=SIZE, bits=bits)
    out = tmp_path / "fused.mp4"
    assert run(visible, thermal, "-o", out, "--thermal-bits", bits, "--view", "thermal").status == 0
    assert read_frames(out)[0].max() > 200


def test_sizes_that_a_calibration_brings_together(run: Gifnet, tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=2, size=SIZE, thermal_size=(48, 32))
    calibration = tmp_path / "front.yaml"
    calibration.write_text(yaml.safe_dump(half_size_calibration()))
    out = tmp_path / "fused.mp4"
    done = run(visible, thermal, "-o", out, "--calibration", calibration, "--view", "side-by-side")
    assert (done.status, done.err) == (0, "")
    assert read_frames(out)[0].shape == (64, 288, 3)


def test_where_the_thermal_camera_does_not_reach(tmp_path: Path, weights: Path) -> None:
    """The visible picture goes on there, and the thermal picture is black."""
    visible, thermal = make_pair(tmp_path, count=1, size=SIZE, thermal_size=(48, 32))
    calibration = tmp_path / "front.yaml"
    calibration.write_text(yaml.safe_dump(half_size_calibration()))
    (frame,) = stream.fuse(visible, thermal, weights=weights, calibration=calibration, device="cpu")
    difference = np.abs(frame.pixels.astype(int) - frame.visible)
    assert difference[:14].max() <= 3
    assert frame.thermal[:14].max() == 0
    assert difference[28:36, 44:52].max() > 3
    assert frame.thermal[28:36, 44:52].min() > 0


def half_size_calibration() -> dict[str, object]:
    """A thermal picture of half the size that covers the middle of the visible one."""
    camera = [[100.0, 0.0, 48.0], [0.0, 100.0, 32.0], [0.0, 0.0, 1.0]]
    matrix = [[1.0, 0.0, 24.0], [0.0, 1.0, 16.0], [0.0, 0.0, 1.0]]
    return {
        "visible": {"size": [96, 64], "camera_matrix": camera},
        "thermal": {"size": [48, 32], "camera_matrix": camera},
        "homography": {"matrix": matrix, "distance_m": 10.0},
        "rms_px": 0.1,
        "date": "2026-01-01",
        "made_by": "hand",
    }


def test_a_visible_and_a_thermal_picture_of_the_network(run: Gifnet, tmp_path: Path, weights: Path) -> None:
    """The colour of the visible frame is kept, its luma is that of the network."""
    visible, thermal = make_pair(tmp_path, count=1, size=SIZE)
    (frame,) = stream.fuse(visible, thermal, weights=weights, device="cpu", precision="float32")
    assert frame.pixels.shape == frame.visible.shape == (64, 96, 3)
    assert frame.pixels.dtype == np.uint8
    difference = frame.pixels.astype(float) - frame.visible
    unclipped = ((frame.pixels > 0) & (frame.pixels < 255)).all(axis=2)
    assert unclipped.any()
    # Adding the same to red, green and blue changes luma alone; the published inverse is off by a little.
    assert np.ptp(difference[unclipped], axis=1).max() <= 3


def test_print_config_is_a_configuration(gifnet: Gifnet, run: Gifnet, tmp_path: Path, weights: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=2, size=SIZE)
    out = tmp_path / "fused.mp4"
    done = gifnet("run", visible, thermal, "-o", out, "--weights", weights, "--print-config")
    assert done.status == 0
    assert not out.exists()
    config = tmp_path / "all.yaml"
    config.write_text(done.out)
    assert run("-c", config).status == 0
    assert count_frames(out) == 2


def test_fuse_in_python_cleans_up_when_abandoned(tmp_path: Path, weights: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=30, size=SIZE)
    frames = stream.fuse(visible, thermal, weights=weights, device="cpu")
    assert next(frames).index == 0
    assert {"visible", "thermal"} <= {thread.name for thread in threading.enumerate()}
    del frames
    assert not {"visible", "thermal"} & {thread.name for thread in threading.enumerate()}


def test_fuse_in_python_checks_settings_at_once() -> None:
    with pytest.raises(stream.GifnetError, match=r"has no setting tolerence_ms, allowed are .*tolerance_ms"):
        stream.fuse("v.mp4", "t.mp4", tolerence_ms=1)
    with pytest.raises(
        stream.GifnetError, match=r"pairing\.tolerance_ms: it should be greater than or equal to 0"
    ):
        stream.fuse("v.mp4", "t.mp4", tolerance_ms=-1)


def test_the_public_names_are_there() -> None:
    for name in stream.__all__:
        assert getattr(stream, name) is not None
    with pytest.raises(AttributeError):
        _ = stream.no_such_name


def test_messages_are_json_where_asked_for(tmp_path: Path) -> None:
    line = [
        sys.executable,
        "-m",
        "stream",
        "run",
        *CAMERAS,
        "--model",
        "null",
        "-o",
        "null://",
        "--logs",
        "json",
    ]
    done = subprocess.run(
        [*line, "--verbose", "--duration-s", "4"], capture_output=True, text=True, timeout=patience(60)
    )
    said = [json.loads(words) for words in done.stderr.splitlines()]
    assert done.returncode == 0 and len(said) >= 3
    assert {"time", "level", "logger", "message"} <= set(said[0])
    assert any("device cpu" in one["message"] and one["level"] == "INFO" for one in said)
    nowhere = [*line, "--preview", "nowhere"]
    failed = subprocess.run(nowhere, capture_output=True, text=True, timeout=patience(60))
    last = json.loads(failed.stderr.splitlines()[-1])
    assert failed.returncode == 1 == last["status"]
    assert last["level"] == "ERROR" and "preview.bind must be HOST:PORT" in last["message"]


def tags(path: Path) -> tuple[object, ...]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        colours = context.colorspace, context.color_primaries, context.color_trc
        return stream.sample_aspect_ratio, colours, next(container.decode(video=0)).to_ndarray(format="rgb24")


@pytest.mark.parametrize("name", ["fused.mp4", "fused.mkv"])
def test_video_says_the_shape_of_its_pixels(run: Gifnet, tmp_path: Path, name: str) -> None:
    visible, thermal = make_pair(tmp_path, count=3, size=SIZE)
    shaped = with_aspect(visible, tmp_path / "shaped.mp4", Fraction(64, 45))
    assert run(shaped, thermal, "-o", tmp_path / name).status == 0
    assert tags(tmp_path / name)[0] == Fraction(64, 45)


def test_hdr_is_written_as_the_sdr_that_it_became(run: Gifnet, tmp_path: Path) -> None:
    visible = write_hdr(tmp_path / "v.mkv", np.full((64, 96, 3), 180), 16, pq_signal)
    thermal = write_video(tmp_path / "t.mp4", moving_pattern(1, SIZE))
    assert run(visible, thermal, "-o", tmp_path / "v.mp4", "--view", "visible").status == 0
    _, colours, pixels = tags(tmp_path / "v.mp4")
    assert colours == (1, 1, 1)
    assert np.abs(pixels.astype(int) - 180).max() <= 3
