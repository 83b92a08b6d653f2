"""`gifnet run` on live cameras: clocks apart, settings changed while it runs, Python cameras, probe."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.patience import patience, wait_until
from tests.helpers.readback import read_times
from tests.helpers.rtsp_process import RtspProcess

SMALL = {"size": "160x120", "rate": 25}


def gifnet(*arguments: object, **more: object) -> list[str]:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in more.items()]
    return [sys.executable, "-m", "stream", *map(str, arguments), *options]


def run(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(gifnet(*arguments, **more), capture_output=True, text=True, timeout=patience(60))


def test_clocks_hours_apart_are_said_and_followed(tmp_path: Path) -> None:
    hours_ms = 3 * 3_600_000 + 250
    report = tmp_path / "report.json"
    with RtspProcess(**SMALL) as visible, RtspProcess(clock_ms=hours_ms, **SMALL) as thermal:
        common = ("run", visible.url, thermal.url, "-o", "null://", "--model", "null")
        blind = run(*common, duration_s=7)
        assert blind.returncode == 1
        assert "both cameras stream, but nothing pairs" in blind.stderr
        assert "pass --offset-ms auto" in blind.stderr
        followed = run(*common, duration_s=4, offset_ms="auto", report=report)
    assert followed.returncode == 0, followed.stderr
    live = json.loads(report.read_text())["live"]
    assert live["clocks"]["offset_ms"] == pytest.approx(hours_ms, abs=10)
    assert live["moments"]["pairs"] > 40
    assert live["pairing_error_ms"]["p99"] <= 25  # about the tolerance of 25 frames/s


@pytest.mark.parametrize("ahead_s", [-90, 90])
def test_a_first_sender_report_that_sets_the_clock_moves_no_picture_of_the_file(
    tmp_path: Path, ahead_s: int
) -> None:
    report, output = tmp_path / "report.json", tmp_path / "one.mp4"
    with (
        RtspProcess(clock_ms=ahead_s * 1000, report_after_s=2, **SMALL) as visible,
        RtspProcess(**SMALL) as thermal,
    ):
        done = run(
            "run", visible.url, thermal.url, "-o", output, "--model", "null", "--sidecar",
            duration_s=7, offset_ms="auto", report=report,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    times_s = [float(time_s) for time_s in read_times(output)]
    gaps_s = [after - before for before, after in itertools.pairwise(times_s)]
    # As long as was filmed, however busy the machine is; at the step neither a tick apart nor a still.
    true_s = [line["visible"]["time_ns"] / 1e9 for line in _lines(output)]
    true_gaps_s = [after - before for before, after in itertools.pairwise(true_s)]
    (step,) = (number for number, gap_s in enumerate(true_gaps_s) if abs(gap_s) > 60)
    assert true_gaps_s[step] == pytest.approx(ahead_s, abs=3)
    assert 0.001 < gaps_s[step] < 3
    del gaps_s[step], true_gaps_s[step]
    assert gaps_s == pytest.approx(true_gaps_s, abs=0.001)
    (told,) = (
        step for step in json.loads(report.read_text())["live"]["clock_steps"] if abs(step["step_s"]) > 60
    )
    assert (told["camera"], told["from"], told["to"]) == ("visible", "pts", "rtcp")
    assert told["step_s"] == pytest.approx(ahead_s, abs=1)


def _lines(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.with_suffix(".jsonl").read_text().splitlines()]


def test_thermal_faster_than_visible(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with RtspProcess(size="160x120", rate=10) as visible, RtspProcess(size="160x120", rate=30) as thermal:
        done = run(
            "run", visible.url, thermal.url, "-o", "null://", "--model", "null", duration_s=4, report=report
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    assert told["fused"] > 20
    assert told["dropped"]["thermal_unpaired"] > 30
    assert sum(told["live"]["unaccounted"].values()) == 0


def test_settings_change_on_sighup(tmp_path: Path) -> None:
    config, output = tmp_path / "pair.yaml", tmp_path / "fused.mp4"
    with RtspProcess(clock_ms=100, **SMALL) as visible, RtspProcess(clock_ms=500, **SMALL) as thermal:
        text = (
            f"visible: {{uri: '{visible.url}'}}\nthermal: {{uri: '{thermal.url}'}}\n"
            f"outputs: [{{uri: '{output}', sidecar: true}}]\nfusion: {{model: 'null'}}\n"
        )
        config.write_text(text + "pairing: {tolerance_ms: 1}\n")
        log = tmp_path / "log"
        with log.open("w") as errors:
            process = subprocess.Popen(gifnet("run", "-c", config, "--verbose"), stderr=errors)
        wait_until(lambda: "device" in log.read_text())
        config.write_text(text + "pairing: {tolerance_ms: maybe}\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the settings stay as they are" in log.read_text())
        config.write_text(text + "pairing: {tolerance_ms: 21, offset_ms: 400}\n")
        repeat_until(process, signal.SIGHUP, lambda: "SIGHUP changed" in log.read_text())
        lines = output.with_suffix(".jsonl")
        wait_until(lambda: lines.exists() and len(lines.read_text().splitlines()) > 20)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=patience(30))
    told = log.read_text()
    assert "pairing.tolerance_ms" in told.split("the settings stay as they are")[1].splitlines()[0]
    assert "SIGHUP changed pairing.tolerance_ms to 21.0, pairing.offset_ms to 400.0" in told
    assert "Traceback" not in told


def repeat_until(process: subprocess.Popen[bytes], number: int, done: Callable[[], bool]) -> None:
    """Send a signal every half second until something holds: before a run has begun, it changes nothing."""

    def sent_again() -> bool:
        process.send_signal(number)
        time.sleep(0.5)
        return done()

    wait_until(sent_again)


def test_a_storm_of_sighup_does_not_stop_a_run(tmp_path: Path) -> None:
    config, report, log = tmp_path / "pair.yaml", tmp_path / "report.json", tmp_path / "log"
    output = tmp_path / "fused.mp4"
    with RtspProcess(**SMALL) as visible, RtspProcess(**SMALL) as thermal:
        config.write_text(
            f"visible: {{uri: '{visible.url}'}}\nthermal: {{uri: '{thermal.url}'}}\n"
            f"outputs: [{{uri: '{output}', sidecar: true}}]\nfusion: {{model: 'null'}}\n"
            f"registration: {{self_align: true}}\nreport: {report}\n"
        )
        with log.open("w") as errors:
            process = subprocess.Popen(gifnet("run", "-c", config), stderr=errors)
        lines = output.with_suffix(".jsonl")
        wait_until(lambda: lines.exists() and len(lines.read_text().splitlines()) > 2)
        for _ in range(200):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.002)
        count = len(lines.read_text().splitlines())
        wait_until(lambda: len(lines.read_text().splitlines()) > count + 5)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=patience(30))
    assert "Traceback" not in log.read_text()
    assert json.loads(report.read_text())["fused"] > count


def test_sighup_without_a_file_does_not_end_a_run(tmp_path: Path) -> None:
    report, log = tmp_path / "report.json", tmp_path / "log"
    with RtspProcess(**SMALL) as visible, RtspProcess(**SMALL) as thermal:
        command = gifnet(
            "run", visible.url, thermal.url, "-o", "null://", "--model", "null", "--verbose", report=report
        )
        with log.open("w") as errors:
            process = subprocess.Popen(command, stderr=errors)
        wait_until(lambda: "device" in log.read_text())
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "there is no configuration file" in log.read_text())
        process.send_signal(signal.SIGINT)
        process.wait(timeout=patience(30))
    assert "Traceback" not in log.read_text() and report.exists()


def test_cameras_in_python(tmp_path: Path) -> None:
    module = tmp_path / "my_cameras.py"
    module.write_text(
        "import time, numpy as np\n"
        "def colour():\n"
        "    for i in range(10**6):\n"
        "        time.sleep(0.04); yield np.full((48, 64, 3), i % 256, np.uint8), time.time()\n"
        "def raw():\n"
        "    for i in range(10**6):\n"
        "        time.sleep(0.04); yield np.full((48, 64), 3000 + i % 999, np.uint16), time.time()\n"
    )
    command = gifnet(
        "run", "python://my_cameras:colour", "python://my_cameras:raw", "-o", tmp_path / "fused.mp4",
        "--model", "null", duration_s=3, tolerance_ms=25, report=tmp_path / "report.json",
    )  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(60), env=environment)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["fused"] > 5 and told["live"]["clocks"]["visible"] == "device"
    wrong = subprocess.run(
        gifnet("run", "python://my_cameras:raw", "python://my_cameras:raw", "-o", "null://"),
        capture_output=True, text=True, timeout=patience(60), env=environment,
    )  # fmt: skip
    assert wrong.returncode == 1
    assert "must give arrays [H, W, 3] uint8 for the visible camera, got (48, 64) uint16" in wrong.stderr


def test_probe_tells_how_frames_come() -> None:
    with RtspProcess(**SMALL) as server:
        done = run("probe", server.url, "--json")
    (facts,) = json.loads(done.stdout)
    assert facts["live"]["clock"] == "rtcp"
    assert 5 < facts["live"]["rate"] < 27  # a busy machine sends its 25 more slowly
    assert 0 < facts["live"]["age_ms"] < patience(300)


def test_a_camera_and_a_recording_are_not_mixed() -> None:
    done = run("run", "rtsp://127.0.0.1:1/x", "clip.mp4", "-o", "null://")
    assert done.returncode == 1 and "live://clip.mp4 plays it like a camera" in done.stderr


def test_two_pictures_of_other_sizes_are_left_out_and_said(tmp_path: Path) -> None:
    with RtspProcess(size="160x120") as visible, RtspProcess(size="176x144") as thermal:
        done = run("run", visible.url, thermal.url, "-o", "null://", "--model", "null", duration_s=3)
    assert done.returncode == 1
    assert "need a calibration file" in done.stderr and "such frames are left out" in done.stderr


def test_iterables_and_functions_are_cameras_in_python() -> None:
    import numpy as np

    import stream

    def paced(pixels: np.ndarray, count: int):  # type: ignore[no-untyped-def]
        for _ in range(count):
            time.sleep(0.04)
            yield pixels

    colour, counts = np.zeros((48, 64, 3), np.uint8), np.full((48, 64), 3000, np.uint16)
    common = {"model": "null", "tolerance_ms": 200, "shutter": "off"}
    once = list(
        stream.fuse(stream.live_camera(paced(colour, 12)), stream.live_camera(paced(counts, 12)), **common)
    )
    assert 4 <= len(once) <= 12
    # A function is called for each connection, so that the stream never ends.
    frames = stream.fuse(lambda: paced(colour, 12), lambda: paced(counts, 12), **common)
    assert [next(frames).index for _ in range(20)] == list(range(20))
    frames.close()
