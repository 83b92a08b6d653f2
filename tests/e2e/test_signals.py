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

SIDES = ("visible", "thermal")
SIZE = (32, 24)
FRAMES = 1500
RATE = 5  # a group of pictures is a second long, so few frames make one
DEADLINE_S = patience(60)

START = "from stream.cli import main; main()"
# Sends signals to the process itself when it first imports certain modules, by their names.
SIGNALS_AT_IMPORT = """
import builtins, os, signal
plain, left = builtins.__import__, {left}
def importing(name, *more):
    if name in left:
        os.kill(os.getpid(), left.pop(name))
    return plain(name, *more)
builtins.__import__ = importing
"""
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


@pytest.mark.parametrize(("share", "times"), [(0.2, 2), (0.5, 1), (0.8, 2), (1.2, 1)])
def test_ctrl_c_while_a_run_starts_is_one_sentence(
    long_pair: tuple[Path, Path], tmp_path: Path, start_s: float, share: float, times: int
) -> None:
    """At any share of the time that starting takes, while libraries are imported too."""
    cameras = [f"loop://{path}" for path in long_pair]  # whatever the machine, these have not ended by then
    words = ("run", *cameras, "-o", tmp_path / "out.mp4", "--model", "null", "--device", "cpu", "-q")
    with running(START, *words) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(share * start_s)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        _, err = process.communicate(timeout=DEADLINE_S)
    # The second one may find a process that has said its sentence and is leaving.
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in err and "Exception ignored" not in err
    (sentence,) = err.strip().splitlines()  # an empty line ends that of the terminal's ^C
    assert sentence.startswith(("gifnet: interrupted", "gifnet: stopped by SIGINT"))


def test_ctrl_c_again_while_the_sentence_is_made_and_while_python_ends(
    long_pair: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ("run", *long_pair, "-o", tmp_path / "out.mp4", "--model", "null", "--device", "cpu")
    at_import = {"stream.pipeline": int(signal.SIGINT), "stream.cli.failure": int(signal.SIGINT)}
    at_exit = "import atexit; atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
    with running(SIGNALS_AT_IMPORT.format(left=at_import) + at_exit + START, *words) as process:
        _, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err.strip()) == (-signal.SIGINT, "gifnet: interrupted")


@pytest.fixture(scope="module")
def start_s(long_pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds from starting the command to its first bytes of output."""
    out = tmp_path_factory.mktemp("start") / "out.mp4"
    begin_s = time.monotonic()
    with running(START, "run", *long_pair, "-o", out, "--model", "null", "--device", "cpu", "-q") as process:
        wait_for_bytes(out, 1, process)
        return time.monotonic() - begin_s


def test_sighup_while_a_run_starts_does_not_end_it(long_pair: tuple[Path, Path], tmp_path: Path) -> None:
    words = ("run", *long_pair, "-o", tmp_path / "out.mp4", "--model", "null", "--device", "cpu")
    code = SIGNALS_AT_IMPORT.format(left={"stream.pipeline": int(signal.SIGHUP)}) + START
    with running(code, *words) as process:
        _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, err
    assert "there is no configuration file to read again" in err
    assert count_frames(tmp_path / "out.mp4") == FRAMES


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


LONGEST_END_S = 10.0


@pytest.mark.parametrize(
    ("stuck", "number"),
    [("visible", signal.SIGINT), ("both", signal.SIGTERM)],
)
def test_a_named_pipe_that_nobody_writes_into_does_not_keep_a_run(
    long_pair: tuple[Path, Path], tmp_path: Path, start_s: float, stuck: str, number: int
) -> None:
    pipe = tmp_path / "pipe.ts"
    os.mkfifo(pipe)
    inputs = [pipe if stuck in (side, "both") else path for side, path in zip(SIDES, long_pair, strict=True)]
    with running(START, "run", *inputs, "-o", tmp_path / "out.mp4", "--model", "null", "-q") as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.5 * start_s)
        said = end_within(process, number, LONGEST_END_S)
    # On a busy machine the command may not yet have come to the pipe.
    assert process.returncode in (128 + number, -number)
    assert said.strip() in (f"gifnet: stopped by {signal.Signals(number).name}", "gifnet: interrupted", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_named_pipe_that_falls_silent_leaves_a_whole_output(
    long_pair: tuple[Path, Path], tmp_path: Path, number: int
) -> None:
    pipe, out = tmp_path / "pipe.mkv", tmp_path / "out.mp4"
    os.mkfifo(pipe)
    with av.open(str(long_pair[0])) as video, av.open(str(tmp_path / "v.mkv"), "w") as copy:
        track = copy.add_stream_from_template(video.streams.video[0])
        for packet in video.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                copy.mux(packet)
    content = (tmp_path / "v.mkv").read_bytes()
    words = ("run", pipe, long_pair[1], "-o", out, "--model", "null", "-q")
    with running(START, *words) as process, pipe.open("wb", buffering=0) as writer:
        writer.write(content[: len(content) // 2])
        wait_for_bytes(out, 1, process)
        said = end_within(process, number, LONGEST_END_S)
    assert process.returncode == 128 + number
    kept = count_frames(out)
    assert said.startswith(f"gifnet: stopped by {signal.Signals(number).name}; {kept} fused frame")
    assert read_times(out) == read_times(long_pair[0])[:kept] and kept > 0


@pytest.mark.parametrize("pause_s", [0.0, 0.1])
def test_ctrl_c_again_while_the_outputs_are_finished_leaves_them_whole(
    long_pair: tuple[Path, Path], tmp_path: Path, pause_s: float
) -> None:
    out = tmp_path / "out.mp4"
    with running(START, "run", *long_pair, "-o", out, "--model", "null", "-q", "--sidecar") as process:
        wait_for_bytes(out, 1, process)
        for _ in range(4):
            process.send_signal(signal.SIGINT)
            time.sleep(pause_s)
        said = process.communicate(timeout=DEADLINE_S)[1]
    assert "Traceback" not in said and "Exception ignored" not in said
    assert process.returncode in (130, -signal.SIGINT)
    kept = count_frames(out)
    assert read_times(out) == read_times(long_pair[0])[:kept] and kept > 0
    assert not list(tmp_path.glob("*.part"))


def end_within(process: subprocess.Popen[str], number: int, longest_s: float) -> str:
    """Send a signal; what was said until the process ended."""
    begin_s = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=patience(longest_s) + 5)
    assert time.monotonic() - begin_s < patience(longest_s)
    return said
