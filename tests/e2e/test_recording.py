"""Recordings: a live run fused again bit for bit, what a killed recorder leaves, rotation, bad input."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.config import RunSettings
from stream.errors import SinkError, SourceError
from stream.frame import Frame
from stream.monitoring.report import RunReport
from stream.pipeline import run as pipeline
from stream.recording.reader import Recording, TrackReader
from stream.recording.writer import RecordingWriter
from stream.runtime.clock import SystemClock
from stream.sources.recording import RecordedSide
from tests.helpers.media import moving_pattern, write_video
from tests.helpers.patience import patience, wait_until
from tests.helpers.python_camera import python_uri

SIZE = (48, 64)


def visible(count: int, size: tuple[int, int] = SIZE) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(1)
    for _ in range(count):
        time.sleep(1 / 25)
        yield rng.integers(0, 256, (*size, 3)).astype(np.uint8)


def thermal(count: int, closed: range = range(0)) -> Iterator[np.ndarray]:
    """Raw counts; in a range the shutter is closed."""
    rng = np.random.default_rng(2)
    picture = np.zeros(SIZE, np.uint16)
    for index in range(count):
        time.sleep(1 / 25)
        if index not in closed:
            picture = rng.integers(3000, 16_000, SIZE).astype(np.uint16)
        yield picture


def run(visible_uri: str, thermal_uri: str, *outputs: dict[str, Any], **settings: Any) -> RunReport:
    values = {"visible": {"uri": visible_uri}, "thermal": {"uri": thermal_uri}, "outputs": outputs}
    report = RunReport(SystemClock())
    pipeline.run(RunSettings.model_validate(values | settings), report)
    return report


def replay(folder: Path, output: Path, **settings: Any) -> RunReport:
    return run(f"replay://{folder}", f"replay://{folder}", {"uri": f"{output}/"}, **settings)


def pictures(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.png"))]


@pytest.mark.parametrize("unpaired", ["hold", "single"])
def test_a_live_run_is_fused_again_bit_for_bit(tmp_path: Path, unpaired: str) -> None:
    """With a closed shutter in the middle, whose frames are held or passed through."""
    settings = {
        "pairing": {"unpaired": unpaired, "tolerance_ms": 30},
        "fusion": {"model": "full", "precision": "float32"},
    }
    live = run(
        python_uri(visible(40)),
        python_uri(thermal(40, closed=range(15, 25))),
        {"uri": f"{tmp_path}/live/"},
        {"uri": f"recording://{tmp_path}/kept"},
        **settings,
    )
    assert live.section("live")["moments"]["stale"] >= 3
    again = replay(tmp_path / "kept", tmp_path / "again", **settings)
    assert again.fused == live.fused > 10
    assert pictures(tmp_path / "again") == pictures(tmp_path / "live")


def test_the_thermal_counts_are_exact(tmp_path: Path) -> None:
    frames = list(thermal(12))
    run(
        python_uri(visible(12)),
        python_uri(paced(frames)),
        {"uri": f"recording://{tmp_path}/kept"},
        fusion={"model": "null"},
        pairing={"tolerance_ms": 40},
    )
    with RecordedSide(tmp_path / "kept", "thermal") as source:
        kept = {frame.index: frame.pixels for frame in source}
    assert len(kept) >= 8
    assert all(np.array_equal(pixels, frames[index]) for index, pixels in kept.items())


def paced(frames: list[np.ndarray]) -> Iterator[np.ndarray]:
    for frame in frames:
        time.sleep(1 / 25)
        yield frame


def record_command(folder: Path, *more: str) -> list[str]:
    street = "loop://synthetic://street?seed=1&size=64x48&duration=2"
    return [sys.executable, "-m", "stream", "record", street, street, "-o", str(folder), *more]


def test_a_killed_recorder_leaves_what_can_be_fused(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    recorder = subprocess.Popen(record_command(folder, "--quiet"))
    wait_until(lambda: (folder / "pairs.jsonl").exists() and lines(folder / "pairs.jsonl") > 60)
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()
    report = replay(folder, tmp_path / "again", fusion={"model": "null"})
    # The last pair may have been listed before its frame was written to its end.
    assert report.fused >= lines(folder / "pairs.jsonl") - 1


WRITER = """
import sys, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from stream.frame import Frame, FramePair
from stream.recording.writer import RecordingWriter

noise = np.random.default_rng(0)
writer = RecordingWriter(Path(sys.argv[1]), {})
for index in range(100_000):
    rgb = noise.integers(0, 256, (240, 320, 3)).astype(np.uint8)
    counts = noise.integers(0, 16_000, (240, 320)).astype(np.uint16)
    visible = Frame(rgb, "rgb24", Fraction(index, 25), "arrival", index)
    thermal = Frame(counts, "gray16le", Fraction(index, 25), "arrival", index, 14)
    writer.add_frame("visible", visible)
    writer.add_frame("thermal", thermal)
    writer.add_frame_set(FramePair(visible, thermal, visible.time_s, 0.0))
"""


@pytest.mark.parametrize("wanted", range(1, 12, 2))
def test_every_kill_leaves_what_can_be_fused(
    tmp_path: Path, wanted: int, caplog: pytest.LogCaptureFixture
) -> None:
    """From the first pair on, with all that was listed, and one sentence on its early end."""
    folder = tmp_path / "kept"
    recorder = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)])
    wait_until(lambda: (folder / "pairs.jsonl").exists() and lines(folder / "pairs.jsonl") >= wanted)
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()
    sets = list(Recording(folder).frame_sets())
    assert len(sets) >= max(1, lines(folder / "pairs.jsonl") - 1)
    told = [record.message for record in caplog.records]
    assert told == [
        f"{folder} ends early, after {len(sets)} frame sets: its recorder was ended before it could close it"
    ]
    with RecordedSide(folder, "thermal") as source:
        assert len(list(source)) >= len(sets)


def test_a_recording_cut_anywhere_gives_whole_frames_only(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "kept", {})
    frames = [
        Frame(pixels, "gray16le", Fraction(index, 25), "arrival", index, 16)
        for index, pixels in enumerate(thermal(6))
    ]
    for frame in frames:
        writer.add_frame("thermal", frame)
    writer.close()
    file = tmp_path / "kept/thermal-0000.nut"
    whole = file.read_bytes()
    seen = set()
    for length in range(len(whole), 0, -len(whole) // 40):
        file.write_bytes(whole[:length])
        track = TrackReader(Recording(tmp_path / "kept"), "thermal")
        read = [frame for number in range(6) if (frame := track.frame(number)) is not None]
        track.close()
        for was, now in zip(frames, read, strict=False):
            np.testing.assert_array_equal(now.pixels, was.pixels)
        seen.add(len(read))
    assert seen == set(range(7))


def test_record_keeps_every_frame_and_ends_by_a_signal(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    recorder = subprocess.Popen(record_command(folder), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: (folder / "pairs.jsonl").exists() and lines(folder / "pairs.jsonl") > 30)
    recorder.send_signal(signal.SIGINT)
    told = recorder.communicate()[1]
    assert recorder.returncode == 0 and "Traceback" not in told
    recording = Recording(folder)
    for side in ("visible", "thermal"):
        indices = [entry.index for entry in recording.entries[side]]  # type: ignore[index]
        assert indices == list(range(len(indices))) and len(indices) > 30
    pairs = list(recording.frame_sets())
    assert len(pairs) == lines(folder / "pairs.jsonl")
    assert all(abs(pair.pairing_error_s or 0) < 0.02 for pair in pairs)
    assert f"written         {folder}" in told


def test_files_are_rotated_and_read_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    recorder = subprocess.Popen(record_command(folder, "--segment-s", "1", "--quiet"))
    wait_until(lambda: (folder / "pairs.jsonl").exists() and lines(folder / "pairs.jsonl") > 70)
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait() == 0
    names = sorted(path.name for path in folder.glob("*.nut"))
    assert names[:3] == ["thermal-0000.nut", "thermal-0001.nut", "thermal-0002.nut"]
    assert len(list(Recording(folder).frame_sets())) == lines(folder / "pairs.jsonl") > 70


def test_a_change_of_size_begins_a_new_file(tmp_path: Path) -> None:
    frames = itertools.chain(visible(12), visible(12, (96, 128)))
    run(
        python_uri(frames),
        python_uri(thermal(24)),
        {"uri": f"recording://{tmp_path}/kept"},
        {"uri": f"{tmp_path}/fused.mp4", "sidecar": True},
        fusion={"model": "null"},
        pairing={"tolerance_ms": 40},
    )
    sizes = [pair.visible.size for pair in Recording(tmp_path / "kept").frame_sets() if pair.visible]
    assert set(sizes) == {(64, 48), (128, 96)}
    videos = sorted(tmp_path.glob("fused*.mp4"))
    assert len(videos) == 2 and videos[1].name == "fused.mp4"
    assert sum(lines(path) for path in tmp_path.glob("fused*.jsonl")) == len(sizes)


def test_a_full_disk_pauses_and_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plenty_mb = 1e9
    report = run(
        python_uri(visible(12)),
        python_uri(thermal(12)),
        {"uri": f"{tmp_path}/fused.mp4", "keep_free_mb": plenty_mb},
        {"uri": "null://"},
        fusion={"model": "null"},
        pairing={"tolerance_ms": 40},
    )
    assert report.outputs[0].frames == 0 and report.outputs[0].skipped == report.outputs[1].frames > 5
    assert "writing pauses until there is room" in caplog.text
    assert not list(tmp_path.glob("fused*.mp4"))


def test_a_disk_that_is_really_full_is_said_and_what_fitted_is_kept(tmp_path: Path) -> None:
    """The size of files is limited in place of the disk's, which needs no disk of its own."""
    limit = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1_800_000, 1_800_000))\n"
    limit += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    command = record_command(tmp_path / "kept", "--duration-s", "30")
    street = "loop://synthetic://street?seed=1&size=160x120&duration=2"
    arguments = ["gifnet", "record", street, street, *command[6:]]
    limit += f"sys.argv = {arguments!r}\nrunpy.run_module('stream', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", limit], capture_output=True, text=True, timeout=patience(60))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "cannot be written: the file is larger than this system allows" in done.stderr
    assert replay(tmp_path / "kept", tmp_path / "again", fusion={"model": "null"}).fused > 5


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    subprocess.run(record_command(folder, "--duration-s", "1", "--quiet"), check=True)
    done = subprocess.run(record_command(folder, "--duration-s", "1"), capture_output=True, text=True)
    assert done.returncode == 1 and "holds a recording already; name another folder" in done.stderr
    with pytest.raises(SinkError, match="holds a recording already"):
        run("live://synthetic://street?seed=1", "live://synthetic://street?seed=1",
            {"uri": f"recording://{folder}"}, fusion={"model": "null"})  # fmt: skip


def test_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is not a recording: it has no readable recording\.json"):
        Recording(tmp_path)
    (tmp_path / "recording.json").write_text(json.dumps({"schema": "gifnet.recording/9"}))
    with pytest.raises(SourceError, match=r"'gifnet\.recording/9', and this version reads"):
        Recording(tmp_path)


def test_only_cameras_are_recorded(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stream", "record", "a.mp4", "b.mp4", "-o", str(tmp_path / "kept")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "a file is a recording already" in done.stderr


@pytest.mark.refdata
def test_a_real_hand_held_recording_as_two_live_streams(tmp_path: Path, refdata: Path) -> None:
    """85 pairs with uneven times and 16-bit thermal pictures, played live, paired, fused and kept."""
    flirone = refdata / "flirone"
    if not flirone.is_dir():
        flirone = refdata / "data" / "flirone"
    report = run(
        f"live://images://{flirone}/visible",
        f"live://images://{flirone}/thermal",
        {"uri": f"recording://{tmp_path}/kept"},
        {"uri": "null://"},
        fusion={"model": "null"},
        registration={"file": str(flirone_calibration(tmp_path))},
    )
    live = report.as_json()["live"]
    assert live["received"] == {"visible": 85, "thermal": 85}
    # All but one or two; on a machine that has no time some come too late for their partner.
    assert live["moments"]["pairs"] >= 60
    assert live["pairing_error_ms"]["p99"] < 15
    assert sum(live["unaccounted"].values()) == 0
    pairs = list(Recording(tmp_path / "kept").frame_sets())
    assert all(pair.visible.index == pair.thermal.index for pair in pairs if pair.visible and pair.thermal)
    assert all(pair.thermal.pixels.max() > 3400 for pair in pairs if pair.thermal)


def flirone_calibration(folder: Path) -> Path:
    """Thermal pictures of 60x80 over visible ones of 1080x1440, as a first guess."""
    import yaml

    def camera(width: int, height: int) -> dict[str, Any]:
        matrix = [[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]]
        return {"size": [width, height], "camera_matrix": matrix}

    path = folder / "flirone.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "visible": camera(1080, 1440),
                "thermal": camera(60, 80),
                "homography": {"matrix": [[18, 0, 0], [0, 18, 0], [0, 0, 1]], "distance_m": 2.0},
                "rms_px": 0.0,
                "date": "2026-01-01",
                "made_by": "a guess",
            }
        )
    )
    return path


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.parametrize(("matrix", "full_range"), [("bt601", False), ("bt709", True)])
def test_video_is_fused_again_by_the_luma_that_it_had(tmp_path: Path, matrix: str, full_range: bool) -> None:
    frames = moving_pattern(12, (64, 48), colour=True)
    seen = write_video(tmp_path / "v.mkv", frames, matrix=matrix, full_range=full_range)
    felt = write_video(tmp_path / "t.mkv", moving_pattern(12, (64, 48)))
    live = run(
        f"live://{seen}",
        f"live://{felt}",
        {"uri": f"{tmp_path}/live/"},
        {"uri": f"recording://{tmp_path}/kept"},
        fusion={"model": "lite"},
    )
    assert live.fused > 3
    again = replay(tmp_path / "kept", tmp_path / "again", fusion={"model": "lite"})
    assert again.fused == live.fused
    assert pictures(tmp_path / "again") == pictures(tmp_path / "live")
