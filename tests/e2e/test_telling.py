"""Runs whose messages nobody takes: they go on, and their outputs are whole."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.patience import patience, wait_until
from tests.helpers.readback import count_frames
from tests.helpers.running import CAMERAS

# Long enough for some frames on a busy machine.
DURATION_S = str(patience(4))


def command(folder: Path, *words: str) -> list[str]:
    line = [
        sys.executable,
        "-m",
        "stream",
        "run",
        *CAMERAS,
        "--model",
        "null",
        "--device",
        "cpu",
        "--verbose",
    ]
    return [*line, "-o", str(folder / "out.mp4"), "--report", str(folder / "report.json"), *words]


def check(folder: Path, status: int) -> None:
    assert status == 0
    told = json.loads((folder / "report.json").read_text())
    # A busy machine may hold one camera up until nothing pairs; that is no matter of what is told.
    assert told["complete"] or "nothing pairs" in told["error"]
    assert told["fused"] > 0
    assert count_frames(folder / "out.mp4") == told["fused"]


@pytest.mark.parametrize("logs", ["text", "json"])
def test_a_reader_that_goes_away(tmp_path: Path, logs: str) -> None:
    line = command(tmp_path, "--duration-s", DURATION_S, "--logs", logs)
    run = subprocess.Popen(line, stderr=subprocess.PIPE)
    assert run.stderr is not None
    assert run.stderr.readline()
    run.stderr.close()
    check(tmp_path, run.wait(patience(60)))


def test_a_full_log_disk(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        status = subprocess.run(
            command(tmp_path, "--duration-s", DURATION_S), stdout=full, stderr=full, timeout=patience(60)
        ).returncode
    check(tmp_path, status)


def test_no_streams_at_all(tmp_path: Path) -> None:
    line = ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *command(tmp_path, "--duration-s", DURATION_S)]
    check(tmp_path, subprocess.run(line, timeout=patience(60)).returncode)


def test_a_terminal_that_is_closed_does_not_end_a_recording(tmp_path: Path) -> None:
    """The hang-up of a terminal comes as SIGHUP, and its standard error is gone."""
    line = [sys.executable, "-m", "stream", "record", *CAMERAS, "-o", str(tmp_path / "friday")]
    run = subprocess.Popen(line, stderr=subprocess.PIPE)
    assert run.stderr is not None
    run.stderr.close()
    frames = tmp_path / "friday" / "frames.jsonl"
    wait_until(lambda: frames.exists() and len(frames.read_text().splitlines()) > 10)
    run.send_signal(signal.SIGHUP)
    count = len(frames.read_text().splitlines())
    wait_until(lambda: len(frames.read_text().splitlines()) > count + 10)
    run.send_signal(signal.SIGINT)
    assert run.wait(patience(60)) in (0, 130)
