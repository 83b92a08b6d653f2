"""Messages that nobody takes: they are left out, and what tells them goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.runtime import standard_streams
from stream.runtime.standard_streams import LossyText


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_lines_arrive_whole_and_the_rest_when_flushed(pipe: tuple[int, int]) -> None:
    text = LossyText(pipe[1])
    print("one", 2, file=text)
    text.write("three")
    assert os.read(pipe[0], 100) == b"one 2\n"
    text.flush()
    assert os.read(pipe[0], 100) == b"three"
    text.write("dotted \udce9\n")
    assert os.read(pipe[0], 100) == b"dotted \\udce9\n"


def test_a_reader_that_is_gone_is_no_error(pipe: tuple[int, int]) -> None:
    text = LossyText(pipe[1])
    os.close(pipe[0])
    for _ in range(100):
        print("x" * 10_000, file=text)


def test_a_reader_that_stops_reading_holds_nobody_up(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard_streams, "PATIENCE_MS", 1)
    text = LossyText(pipe[1])
    for number in range(1000):
        print(number, "x" * 1000, file=text)
    told = os.read(pipe[0], 1_000_000)
    assert told.startswith(b"0 xxx") and len(told) <= 65_536
    print("it reads again", file=text)
    assert os.read(pipe[0], 100) == b"it reads again\n"


def test_a_full_disk_is_no_error() -> None:
    with open("/dev/full", "wb") as full:
        text = LossyText(full.fileno())
        for _ in range(100):
            print("x" * 10_000, file=text)


@pytest.mark.parametrize("closed", ["2>&-", "0<&- 1>&- 2>&-", "1>&-"])
def test_closed_streams_leave_their_numbers_to_no_file(tmp_path: Path, closed: str) -> None:
    program = (
        "import os, sys; from stream.runtime import standard_streams as own; own.secure_standard_streams(); "
        f"file = open({str(tmp_path / 'out')!r}, 'w'); os.write(2, b'a message of a library'); "
        "print('a message of ours', file=sys.stderr); file.write(str(file.fileno())); file.close()"
    )
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", program]
    subprocess.run(shell, check=True, timeout=60)
    assert int((tmp_path / "out").read_text()) > 2
