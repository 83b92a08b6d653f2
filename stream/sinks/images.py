"""A sink that writes a folder of numbered pictures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import IO, ClassVar, Literal, Self

import cv2
from pydantic import model_validator

from stream.config.outputs import ShownColours, ShownView
from stream.errors import SinkError
from stream.files.atomic_write import check_replaceable, open_without_links, write_atomic
from stream.files.output_path import check_place, reason
from stream.frame import FusedFrame, Pixels
from stream.render.views import render
from stream.sinks.base import SinkBase, SinkOptions
from stream.sinks.settings import SinkSettings, name_folder
from stream.uri import Uri

TIMES = "times.csv"
_HEAD = "file,time_s"
_JPEG_QUALITY = 95
_OWN_NAME = re.compile(r"\d{6,}\.(png|jpg|tif)")


class ImageSettings(SinkSettings):
    """`images://FOLDER?format=png`, or a path of a folder."""

    schemes: ClassVar = {"images": True}
    form: ClassVar = "a folder of pictures (images://FOLDER?format=png, or a path that ends in /)"
    kind: ClassVar = "a folder of pictures"

    view: ShownView = "fused"
    colour_map: ShownColours = "heat"
    format: Literal["png", "jpg", "tif"] = "png"

    @classmethod
    def claims(cls, uri: Uri) -> bool:
        """True for `images://` and for a path of a folder."""
        plain = uri.scheme in ("", "file") and (uri.path.endswith("/") or Path(uri.path).is_dir())
        return uri.scheme in cls.schemes or plain

    @model_validator(mode="after")
    def _has_folder(self) -> Self:
        name_folder(self.uri, "images://FOLDER")
        return self

    def replaces(self, path: Path) -> bool:
        """True for the list of times and pictures with numbers in the folder itself."""
        return is_own_name(path.name) and path.resolve().parent == self.path().resolve()

    def open(self, options: SinkOptions) -> ImageSink:
        """A sink of pictures."""
        return ImageSink(self.path(), self.over(options), self.format)


class ImageSink(SinkBase):
    """Writes `000000.png`, `000001.png`, ... and `times.csv` with a line `file,time_s` for each.

    Numbers are the positions of the fused frames; times are decimals to the nanosecond. Every picture appears
    whole or not at all. The folder is made with the first frame; pictures of an earlier run, which are those
    that the `times.csv` in it lists, are removed then.
    """

    def __init__(self, folder: Path, options: SinkOptions, suffix: str = "png") -> None:
        """Check the folder.

        Args:
            folder: where the pictures go; the folder above it must exist.
            options: view and colour map.
            suffix: `png`, `jpg` or `tif`.

        Raises:
            SinkError: when something of that is wrong.
        """
        check_folder(folder)
        check_foreign(folder)
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
            # A wait for the disk with every picture would cost more than the picture.
            write_atomic(path, encode(picture, self._suffix), durable=False)
            times.write(f"{path.name},{decimal(frame.time)}\n")
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
        self._times = open(  # noqa: SIM115  # closed by `close`
            self._folder / TIMES, "w", encoding="utf-8", opener=open_without_links
        )
        self._times.write(f"{_HEAD}\n")
        return self._times


def is_own_name(name: str) -> bool:
    """True for the list of times and for pictures with numbers."""
    return name == TIMES or _OWN_NAME.fullmatch(name) is not None


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written to.

    Raises:
        SinkError: says what is wrong with it.
    """
    if folder.exists() and not folder.is_dir():
        raise SinkError(f"the output {folder} is a file; name a folder")
    check_place(folder / TIMES if folder.is_dir() else folder)


def check_foreign(folder: Path) -> None:
    """Refuse a folder with a list of times or numbered pictures that no earlier run of this sink wrote.

    Raises:
        SinkError: names the first one.
    """
    times = folder / TIMES
    if not folder.is_dir():
        return
    if times.exists() or times.is_symlink():
        try:
            check_replaceable(times)
            with times.open(encoding="utf-8", errors="replace") as file:
                head = file.readline().strip()
        except OSError as error:
            raise SinkError(f"{times} cannot be written: {reason(error)}") from None
        if head not in ("", _HEAD):
            raise SinkError(f"{times} is another program's and would be overwritten; name another folder")
    own = set(_listed(folder))
    # A run that was killed may have written one picture more than it had listed.
    last = max((int(name.partition(".")[0]) for name in own), default=-1)
    for path in sorted(folder.iterdir()):
        is_numbered = _OWN_NAME.fullmatch(path.name) is not None
        if is_numbered and path.name not in own and not (times.exists() and int(path.stem) == last + 1):
            raise SinkError(
                f"{path} is not a picture of an earlier run and would be overwritten; name another folder"
            )


def remove_earlier(folder: Path) -> None:
    """Remove the pictures that a `times.csv` in the folder lists, so that runs do not mix."""
    for name in _listed(folder):
        (folder / name).unlink(missing_ok=True)


def _listed(folder: Path) -> Iterator[str]:
    """Names of the pictures that the `times.csv` in a folder lists."""
    listed = folder / TIMES
    if not listed.is_file():
        return
    for row in csv.reader(io.StringIO(listed.read_text(encoding="utf-8", errors="replace"))):
        if row and _OWN_NAME.fullmatch(row[0]):
            yield row[0]


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


@contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, cv2.error) as error:
        raise SinkError(f"{path} cannot be written: {reason(error)}") from error
