"""No library speaks for us: what they would print appears nowhere, and refusals say what is not supported."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import pytest

from tests.helpers.media import moving_pattern

IMPORT_NOISE = """
import os, warnings
import click
from stream import cli

@click.command()
def noisy():
    os.write(2, b"a library speaks\\n")
    warnings.warn("a package speaks")
    click.echo("we speak", err=True)

cli.cli.add_command(noisy, "noisy")
cli.cli.get_command = lambda ctx, name: noisy
cli.main()
"""


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def encoded(suffix: str, index: int, colour: bool) -> bytes:
    return cv2.imencode(suffix, moving_pattern(index + 1, colour=colour)[index])[1].tobytes()


def fill(folder: Path, colour: bool) -> Path:
    """Whole pictures that make libpng and libjpeg talk."""
    folder.mkdir()
    for index in range(2):
        png, jpeg = (encoded(suffix, index, colour) for suffix in (".png", ".jpg"))
        profile = chunk(b"iCCP", b"bad\0\0" + zlib.compress(b"x" * 200))
        (folder / f"{index}.png").write_bytes(png[:33] + profile + png[33:])
        end = jpeg.rfind(b"\xff\xd9")
        (folder / f"{index + 2}.jpg").write_bytes(jpeg[:end] + b"abcde" + jpeg[end:])
    return folder


def gifnet(*words: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "stream", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("encoder", ["libsvtav1", "libx265"])
def test_pictures_and_encoders_are_silent(tmp_path: Path, encoder: str) -> None:
    visible, thermal = fill(tmp_path / "visible", True), fill(tmp_path / "thermal", False)
    output = tmp_path / "fused.mkv"
    done = gifnet("run", visible, thermal, "-o", output, "--model", "null", "--encoder", encoder, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert output.stat().st_size > 0


@pytest.mark.parametrize(("words", "speaks"), [([], "we speak\n"), (["--debug"], "a library speaks")])
def test_only_our_words_reach_standard_error_unless_debugging(words: list[str], speaks: str) -> None:
    line = [sys.executable, "-c", IMPORT_NOISE, "noisy", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == speaks if not words else speaks in done.stderr


@pytest.mark.refdata
@pytest.mark.parametrize(
    ("case", "status", "says"),
    [("private_tag", 0, ""), ("zstd", 1, "compressed by ZSTD"), ("float16", 1, "of float16 values")],
)
def test_the_case_of_noisy_and_unsupported_tiff(refdata: Path, case: str, status: int, says: str) -> None:
    done = gifnet("probe", f"thermal://{refdata}/cases/files/13-tiff-noise-and-damaged/{case}")
    assert done.returncode == status
    assert "are damaged" not in done.stderr
    assert not done.stderr if not says else says in done.stderr and done.stderr.count("\n") == 1
    if not says:
        assert "80x60" in done.stdout
