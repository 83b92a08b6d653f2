"""`gifnet listen --exec` hands frames to a command, and says how it ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.cli.frame_pipe import FrameCommand
from stream.errors import SinkError
from tests.e2e.test_publish_rubbish import sending
from tests.helpers.fused import gradient
from tests.helpers.patience import patience

KEEP = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"wb\").write(sys.stdin.buffer.read())'"


def listen(address: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stream", "listen", address, "--timeout-s", "20", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience(60))


def test_raw_frames_reach_the_command(tmp_path: Path) -> None:
    kept = tmp_path / "{width}x{height} {pixel_format}"
    with sending() as address:
        done = listen(address, "--count", "5", "--exec", f"{KEEP} '{kept}'")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "64x48 rgb24").read_bytes() == bytes(5 * 48 * 64 * 3)


def test_jpeg_frames_reach_the_command(tmp_path: Path) -> None:
    pixels = gradient(7, (64, 48))
    with FrameCommand(f"{KEEP} {tmp_path / 'kept.jpg'}", jpeg=True) as command:
        assert command.write(pixels)
    read = cv2.cvtColor(cv2.imread(str(tmp_path / "kept.jpg")), cv2.COLOR_BGR2RGB)
    assert np.abs(read.astype(int) - pixels).mean() < 3


def test_a_command_begins_anew_with_another_size(tmp_path: Path) -> None:
    with FrameCommand(f"{KEEP} {tmp_path}/{{width}}.{{pixel_format}}") as command:
        for pixels in (np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), np.uint8), np.ones((2, 3), np.uint16)):
            assert command.write(pixels)
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes == {"6.rgb24": 72, "6.gray": 24, "3.gray16le": 12}


def test_listening_ends_when_the_command_has_enough() -> None:
    with sending() as address:
        done = listen(address, "--exec", f"{sys.executable} -c pass")
    assert done.returncode == 0 and not done.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (
            "no-such-command -i -",
            "the command 'no-such-command' cannot be started: No such file or directory",
        ),
        (f"{sys.executable} -c 'exit(7)'", "ended with status 7"),
        ("'unclosed", "cannot be taken apart: No closing quotation"),
        (" ", "there is no command to hand frames to"),
    ],
)
def test_commands_that_fail(command: str, says: str) -> None:
    with pytest.raises(SinkError, match=says), FrameCommand(command) as reader:
        while reader.write(np.zeros((480, 640, 3), np.uint8)):
            pass
