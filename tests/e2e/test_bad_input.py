"""Bad input: one sentence, a non-zero status, and nothing half-made that looks whole."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import yaml

from tests.e2e.conftest import Done, Gifnet
from tests.helpers.media import make_pair, moving_pattern, write_video
from tests.helpers.readback import count_frames

SIZE = (96, 64)


def assert_one_sentence(done: Done, words: str) -> None:
    assert done.status == 1
    assert done.out == ""
    assert done.err.startswith("gifnet: ")
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err
    assert words in done.err


def silence(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def packet_place(path: Path, number: int) -> tuple[int, int]:
    """Position and size in bytes of a packet of the video stream."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    return packets[number].pos, packets[number].size


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return make_pair(tmp_path, count=6, size=SIZE)


@pytest.mark.parametrize("role", ["visible", "thermal"])
@pytest.mark.parametrize("kind", ["missing", "empty", "text", "audio", "cut off"])
def test_a_file_that_is_no_video(
    run: Gifnet, tmp_path: Path, pair: tuple[Path, Path], kind: str, role: str
) -> None:
    bad = tmp_path / "bad.mp4"
    if kind == "empty":
        bad.touch()
    elif kind == "text":
        bad.write_text("no video at all\n" * 99)
    elif kind == "audio":
        silence(bad)
    elif kind == "cut off":
        content = pair[0].read_bytes()
        bad.write_bytes(content[: len(content) // 2])
    inputs = (bad, pair[1]) if role == "visible" else (pair[0], bad)
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    assert_one_sentence(run(*inputs, "-o", out, "--report", report), "bad.mp4")
    assert not out.exists()
    told = json.loads(report.read_text())
    assert told["complete"] is False
    assert "bad.mp4" in told["error"]


def test_a_recording_that_ends_in_the_middle(run: Gifnet, tmp_path: Path) -> None:
    visible = write_video(tmp_path / "v.mkv", moving_pattern(40, SIZE, colour=True), options={"g": "1"})
    thermal = write_video(tmp_path / "t.mp4", moving_pattern(40, SIZE))
    content = visible.read_bytes()
    visible.write_bytes(content[: len(content) // 2])
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    done = run(visible, thermal, "-o", out, "--report", report)
    assert_one_sentence(done, "v.mkv ends early")
    kept = count_frames(out)
    assert 5 < kept < 40
    assert f"{kept} fused frames were kept in {out}" in done.err
    told = json.loads(report.read_text())
    assert (told["complete"], told["fused"]) == (False, kept)
    assert "ends early" in told["error"]


def test_a_corrupt_frame_is_counted_and_skipped(run: Gifnet, tmp_path: Path) -> None:
    options = {"g": "1", "bf": "0", "preset": "veryfast"}
    visible = write_video(tmp_path / "v.mkv", moving_pattern(12, SIZE, colour=True), options=options)
    thermal = write_video(tmp_path / "t.mp4", moving_pattern(12, SIZE))
    place, size = packet_place(visible, 4)
    with visible.open("r+b") as file:
        file.seek(place + size // 2)
        file.write(b"\xff" * (size // 3))
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    assert run(visible, thermal, "-o", out, "--report", report).status == 0
    told = json.loads(report.read_text())
    assert told["lost"]["visible"] == {"corrupt": 1}
    assert told["dropped"] == {"thermal_unpaired": 1}
    assert told["fused"] == count_frames(out) == 11


def test_a_corrupt_picture_of_a_folder(run: Gifnet, tmp_path: Path) -> None:
    for role in ("v", "t"):
        (tmp_path / role).mkdir()
        for number, picture in enumerate(moving_pattern(12, SIZE)):
            cv2.imwrite(str(tmp_path / role / f"{number:02d}.png"), picture)
    (tmp_path / "t" / "02.png").write_bytes(b"broken")
    report = tmp_path / "report.json"
    assert run(tmp_path / "v", tmp_path / "t", "-o", "null://", "--report", report).status == 0
    told = json.loads(report.read_text())
    assert told["lost"]["thermal"] == {"corrupt": 1}
    assert told["fused"] == 11


def test_a_stream_that_changes_size(run: Gifnet, tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", moving_pattern(6, SIZE, colour=True))
    second = write_video(tmp_path / "b.ts", moving_pattern(6, (128, 96), colour=True), start_pts=8)
    visible = tmp_path / "v.ts"
    visible.write_bytes(first.read_bytes() + second.read_bytes())
    thermal = write_video(tmp_path / "t.ts", moving_pattern(12, SIZE))
    out = tmp_path / "out.mp4"
    done = run(visible, thermal, "-o", out)
    assert_one_sentence(done, "changes size at frame 6: from 96x64 to 128x96")
    assert "fused frames were kept in" in done.err
    assert count_frames(out) > 0


def test_sizes_that_differ_without_a_calibration(run: Gifnet, tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=2, size=SIZE, thermal_size=(48, 32))
    assert_one_sentence(run(visible, thermal, "-o", tmp_path / "out.mp4"), "--calibration")
    assert not (tmp_path / "out.mp4").exists()


def test_a_picture_of_one_pixel(run: Gifnet, tmp_path: Path) -> None:
    dot = tmp_path / "dot.png"
    cv2.imwrite(str(dot), np.zeros((1, 1), np.uint8))
    assert_one_sentence(run(dot, dot, "-o", "null://"), "has 1x1 pixels; the network needs at least 5x5")


def test_no_two_frames_in_time(run: Gifnet, tmp_path: Path, pair: tuple[Path, Path]) -> None:
    out = tmp_path / "out.mp4"
    assert_one_sentence(run(*pair, "-o", out, "--offset-ms", 90_000), "--offset-ms")
    assert not out.exists()


def test_an_unknown_key(run: Gifnet, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({"visible": {"uri": "v"}, "thermal": {"uri": "t"}, "output": ["o.mp4"]}))
    assert_one_sentence(run("-c", config), "output is not a known key, allowed are visible, thermal")


def test_a_folder_that_does_not_exist(run: Gifnet, tmp_path: Path, pair: tuple[Path, Path]) -> None:
    assert_one_sentence(run(*pair, "-o", tmp_path / "no" / "out.mp4"), "no")
    report = tmp_path / "no" / "report.json"
    assert_one_sentence(run(*pair, "-o", "null://", "--report", report), "does not exist")


def test_an_output_over_an_input(run: Gifnet, pair: tuple[Path, Path]) -> None:
    before = pair[0].read_bytes()
    assert_one_sentence(run(*pair, "-o", pair[0]), "would be overwritten")
    assert pair[0].read_bytes() == before


def test_weights_that_are_none(gifnet: Gifnet, tmp_path: Path, pair: tuple[Path, Path]) -> None:
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk" * 100)
    for weights in (junk, tmp_path / "missing.safetensors"):
        done = gifnet("run", *pair, "-o", "null://", "--weights", weights, "-q", "--device", "cpu")
        assert_one_sentence(done, weights.name)


def test_an_encoder_that_does_not_exist(run: Gifnet, tmp_path: Path, pair: tuple[Path, Path]) -> None:
    assert_one_sentence(run(*pair, "-o", tmp_path / "out.mp4", "--encoder", "nonsense"), "nonsense")
    assert not (tmp_path / "out.mp4").exists()


def test_a_failed_run_leaves_an_older_output_alone(
    run: Gifnet, tmp_path: Path, pair: tuple[Path, Path]
) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"an older result")
    assert run(tmp_path / "missing.mp4", pair[1], "-o", out).status == 1
    assert out.read_bytes() == b"an older result"


def test_cuda_where_there_is_none(gifnet: Gifnet, weights: Path, pair: tuple[Path, Path]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    done = gifnet("run", *pair, "-o", "null://", "--device", "cuda", "--weights", weights, "-q")
    assert_one_sentence(done, "ask for the CPU with --device cpu")
