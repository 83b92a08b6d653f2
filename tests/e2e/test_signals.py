"""Signals and full disks, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import pytest

from tests.helpers.media import make_pair
from tests.helpers.patience import patience
from tests.helpers.readback import count_frames, read_times

SIZE = (32, 24)
FRAMES = 1500
RATE = 5  # a group of pictures is a second long, so few frames make one
DEADLINE_S = patience(60)

START = "import sys; from stream.cli import main; main(sys.argv[1:])"
START_WITH_SMALL_FILES = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000)); " + START
)


@pytest.fixture(scope="module")
def long_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_pair(tmp_path_factory.mktemp("long"), count=FRAMES, size=SIZE, rate=RATE)


@contextmanager
def running(code: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_bytes(path: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until the process has written so much, or a test that hangs is given up."""
    end_s = time.monotonic() + DEADLINE_S
    while not path.exists() or path.stat().st_size < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end_s, "the process writes nothing"
        os.sched_yield()


def playable_frames(path: Path) -> int:
    """Frames before the place where the file breaks off."""
    count = 0
    with suppress(av.error.InvalidDataError), av.open(str(path)) as container:
        for _ in container.decode(video=0):
            count += 1
    return count


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_closes_the_file_properly(
    long_pair: tuple[Path, Path], tmp_path: Path, weights: Path, number: int, status: int
) -> None:
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    words = ("run", *long_pair, "-o", out, "--weights", weights, "--device", "cpu", "--report", report)
    with running(START, *words) as process:
        wait_for_bytes(out, 1, process)
        process.send_signal(number)
        _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == status
    assert "Traceback" not in err
    kept = count_frames(out)
    assert 0 < kept < FRAMES
    assert read_times(out) == read_times(long_pair[0])[:kept]
    assert err.splitlines()[-1].startswith(
        f"gifnet: stopped by {signal.Signals(number).name}; {kept} fused frame"
    )
    assert f"{kept} in " in err
    told = json.loads(report.read_text())
    assert (told["complete"], told["fused"]) == (False, kept)
    assert not list(tmp_path.glob("*.part"))


def test_what_was_written_survives_a_kill(
    long_pair: tuple[Path, Path], tmp_path: Path, weights: Path
) -> None:
    out = tmp_path / "out.mp4"
    words = ("run", *long_pair, "-o", out, "--weights", weights, "--device", "cpu", "-q", "--quality", 0)
    with running(START, *words) as process:
        wait_for_bytes(out, 8_000, process)
        process.kill()
        process.communicate()
    assert playable_frames(out) >= RATE


def test_a_full_disk(long_pair: tuple[Path, Path], tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "out.mp4"
    words = ("run", *long_pair, "-o", out, "--weights", weights, "--device", "cpu", "-q", "--quality", 0)
    with running(START_WITH_SMALL_FILES, *words) as process:
        _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert err.startswith("gifnet: ")
    assert err.count("\n") == 1
    assert "out.mp4 cannot be written" in err
    assert playable_frames(out) >= RATE
