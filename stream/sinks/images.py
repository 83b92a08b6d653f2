"""A sink that writes a folder of numbered pictures."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import IO

import cv2

from stream.errors import SinkError
from stream.files.output_path import check_place, reason
from stream.frame import FusedFrame, Pixels
from stream.render.views import render
from stream.sinks.base import SinkBase, SinkOptions

FORMATS = ("png", "jpg", "tif")
TIMES = "times.csv"
_JPEG_QUALITY = 95
_OWN_NAME = re.compile(r"\d{6,}\.(png|jpg|tif)")


class ImageSink(SinkBase):
    """Writes `000000.png`, `000001.png`, ... and `times.csv` with a line `file,time_s` for each.

    Numbers are the positions of the fused frames; times are decimals to the nanosecond. Every picture appears
    whole or not at all. The folder is made with the first frame; pictures of an earlier run, which are those
    that the `times.csv` in it lists, are removed then.
    """

    def __init__(self, folder: Path, options: SinkOptions, suffix: str = "png") -> None:
        """Check the place.

        Args:
            folder: where the pictures go; the folder above it must exist.
            options: how to write; encoder and quality are for video only.
            suffix: `png`, `jpg` or `tif`.

        Raises:
            SinkError: when something of that is wrong.
        """
        if suffix not in FORMATS:
            raise SinkError(f"format must be one of {', '.join(FORMATS)}, got {suffix!r}")
        if options.encoder or options.quality is not None:
            raise SinkError(
                "encoder and quality are for video files; leave them out for a folder of pictures"
            )
        check_folder(folder)
        self.written = 0
        self._folder = folder
        self._view, self._colour_map = options.view, options.colour_map
        self._suffix = suffix
        self._times: IO[str] | None = None

    def write(self, frame: FusedFrame) -> None:
        """Write one picture and its time.

        Raises:
            SinkError: when it cannot be written; the pictures before it are whole.
        """
        path = self._folder / f"{frame.index:06d}.{self._suffix}"
        with _one_sentence(path):
            times = self._times or self._start()
            picture = render(frame, self._view, self._colour_map)
            write_whole(path, encode(picture, self._suffix))
            times.write(f"{path.name},{decimal(frame.time_s)}\n")
            times.flush()
        self.written += 1

    def close(self) -> None:
        """Close the list of times; may be called twice.

        Raises:
            SinkError: when its end cannot be written.
        """
        times, self._times = self._times, None
        if times is not None:
            with _one_sentence(self._folder / TIMES):
                times.close()

    def _start(self) -> IO[str]:
        self._folder.mkdir(exist_ok=True)
        remove_earlier(self._folder)
        self._times = (self._folder / TIMES).open("w", encoding="utf-8")
        self._times.write("file,time_s\n")
        return self._times


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written to.

    Raises:
        SinkError: says what is wrong with it.
    """
    if folder.exists() and not folder.is_dir():
        raise SinkError(f"the output {folder} is a file; name a folder")
    check_place(folder / TIMES if folder.is_dir() else folder)


def remove_earlier(folder: Path) -> None:
    """Remove the pictures that a `times.csv` in the folder lists, so that runs do not mix."""
    listed = folder / TIMES
    if not listed.is_file():
        return
    for row in csv.reader(io.StringIO(listed.read_text(encoding="utf-8", errors="replace"))):
        if row and _OWN_NAME.fullmatch(row[0]):
            (folder / row[0]).unlink(missing_ok=True)


def decimal(time_s: Fraction) -> str:
    """Seconds to the nearest nanosecond, without a detour over a float."""
    return f"{Decimal(round(time_s * 10**9)).scaleb(-9):f}"


def encode(pixels: Pixels, suffix: str) -> bytes:
    """Encode a picture.

    Args:
        pixels: [H, W, 3] uint8 RGB, or [H, W] uint8.
        suffix: `png`, `jpg` or `tif`.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix == "jpg" else []
    stored = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(f".{suffix}", stored, options)
    return content.tobytes()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that it appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, cv2.error) as error:
        raise SinkError(f"{path} cannot be written: {reason(error)}") from error
