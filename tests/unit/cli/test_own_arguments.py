from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.cli.own_arguments import hidden


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["gifnet", "run", "a.mp4", "b.mp4"], ["gifnet", "run", "a.mp4", "b.mp4"]),
        (["rtsp://eve:hunter2@cam/1"], ["rtsp://eve:***@cam/1****"]),
        (["rtsp://eve:a@cam/1"], ["rtsp://eve:***@cam"]),
        (["--preview-token", "hunter2"], ["--preview-token", "*******"]),
        (["--visible-password=hunter2", "x"], ["--visible-password=*******", "x"]),
    ],
)
def test_secrets_are_written_over(words: list[str], shown: list[str]) -> None:
    assert hidden("\0".join([*words, ""]).encode()).decode().split("\0")[:-1] == shown


@given(st.binary())
def test_the_length_never_changes(line: bytes) -> None:
    assert len(hidden(line)) == len(line)
    assert hidden(line).count(b"\0") == line.count(b"\0")


def test_the_list_of_processes_shows_no_password() -> None:
    code = (
        "import sys; from stream.cli import own_arguments; own_arguments.hide_secrets();"
        "print(open('/proc/self/cmdline').read()); print(sys.argv)"
    )
    words = ["rtsp://eve:hunter2@cam/1", "--preview-token", "hunter2", "--view=fused"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    line, arguments = done.stdout.splitlines()
    assert "rtsp://eve:***@cam/1" in line and "--view=fused" in line and "hunter2" not in line
    assert arguments.count("hunter2") == 2  # the command itself still knows them
