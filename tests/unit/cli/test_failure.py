from __future__ import annotations

import errno
import subprocess
import sys

import av
import click
import cv2
import numpy as np
import pytest
import torch

from stream.cli import COMMANDS, main
from stream.cli.failure import explain, leave
from stream.errors import SourceError
from stream.runtime.signals import Stopped


def status_of(error: BaseException, debug: bool = False) -> object:
    with pytest.raises(SystemExit) as caught:
        leave(error, debug)
    return caught.value.code


def error_of_cv2() -> cv2.error:
    try:
        cv2.cvtColor(np.zeros((0, 0), np.uint8), cv2.COLOR_BGR2RGB)
    except cv2.error as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "words", "status"),
    [
        (SourceError("no such camera"), "no such camera", 1),
        (Stopped(2), "stopped by SIGINT", 130),
        (Stopped(15), "stopped by SIGTERM", 143),
        (KeyboardInterrupt(), "interrupted", 130),
        (click.UsageError("No such option '--x'."), "No such option '--x'; see `gifnet --help`", 2),
        (MemoryError(), "not enough memory", 1),
        (torch.OutOfMemoryError("CUDA out of memory"), "not enough memory", 1),
        (av.error.InvalidDataError(1, "Invalid data", "a.mp4"), "the video library failed", 1),
        (error_of_cv2(), "the image library failed", 1),
        (OSError(errno.ENOSPC, "No space left on device", "a.mp4"), "a.mp4: No space left on device", 1),
        (ZeroDivisionError("division by zero"), "a mistake in this program: ZeroDivisionError", 1),
    ],
)
def test_every_error_is_one_sentence(error: BaseException, words: str, status: int) -> None:
    sentence, code = explain(error)
    assert words in sentence
    assert "\n" not in sentence
    assert code == status


def test_notes_belong_to_the_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    error = SourceError("the file ends early")
    error.add_note("3 fused frames were kept in out.mp4")
    assert status_of(error) == 1
    assert capsys.readouterr().err == "gifnet: the file ends early; 3 fused frames were kept in out.mp4\n"


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    status_of(SourceError("x"), debug=True)
    assert "SourceError" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--debug", "run", "a"], ["run", "--debug", "a"], ["run", "a", "--debug"]])
def test_debug_may_stand_anywhere(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert "Traceback" in capsys.readouterr().err


def test_after_two_dashes_everything_is_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "-o", "o.mp4", "--", "--debug"])
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "thermal is missing" in error


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_reads_like_a_table_of_contents(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    text = "".join(capsys.readouterr())
    for group in COMMANDS.values():
        for name, (_, summary) in group.items():
            assert name in text
            assert summary in text


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys, stream.cli.run, stream.cli.demo; sys.exit(bool({'torch', 'av'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_closed_pipe_is_no_traceback() -> None:
    code = "from stream.cli import main; main(['run', '--help'])"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'{sys.executable} -c "{code}" | true'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


CAMERA = "rtsp://eve:hunter2 Zq@cam/1"


@pytest.mark.parametrize(
    "words",
    [
        ["run", "a", "b", CAMERA],
        ["run", "a", "b", "-o", "null://", "--device", CAMERA],
        ["run", "a", "b", "-o", "null://", "--tolerance-ms", CAMERA],
        ["run", "a", "b", "-o", "null://", "--visible-timeout-s", CAMERA],
        ["run", "a", "b", "-o", "null://", f"--device={CAMERA}"],
        ["run", f"--{CAMERA}"],
        ["run", "a", "-o", CAMERA],
        [CAMERA],
        ["run", "a", "b", "-o", "null://", "-c", CAMERA],
        ["probe", CAMERA.replace("rtsp", "rtspp")],
        ["probe", "rtsp://eve:hunter2 Zq@127.0.0.1:99999/1"],
        ["weights", "fetch", "x", "-y", "--sha256", "0" * 64, "--url", CAMERA],
        [
            "weights",
            "fetch",
            "x",
            "-y",
            "--sha256",
            "0" * 64,
            "--url",
            f"{CAMERA}:bad".replace("rtsp", "http"),
        ],
    ],
    ids=str,
)
def test_no_refusal_of_the_command_shows_a_password(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*words, "--debug"])
    assert caught.value.code not in (0, None)
    text = "".join(capsys.readouterr())
    assert "hunter2" not in text.replace(" ".join(words), "")
    assert "Zq" not in text


def test_a_thread_that_is_stuck_in_a_library_does_not_change_the_status() -> None:
    code = (
        "import threading, time; from stream import cli\n"
        "def stuck():\n    while True: time.sleep(0.01)\n"
        "threading.Thread(target=stuck, daemon=True).start()\n"
        "import sys; sys.argv = ['gifnet', 'run', 'a']; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "thermal is missing" in done.stderr
