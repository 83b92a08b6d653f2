"""Files of thermal cameras, as `thermal://PATH?options`; the content decides the kind.

    folder, glob   16-bit TIFF and PNG, FLIR's radiometric JPEG, one picture a frame
    one TIFF       one page a frame
    *.y16, *.raw   counts of 16 bits without a header: `size=640x512`, and `endian=big` where they are
    video          FFV1 and others

`rate` holds for all but video, `bits` for all, `times` and `size` for folders (see
`sources/pictures/folder.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Side
from stream.sources.base import Source
from stream.sources.options import check_options, integer_option, size_option
from stream.sources.pictures.folder import ImageSource
from stream.sources.pictures.listing import is_picture_path
from stream.sources.pictures.stack import RawCounts, StackSource
from stream.sources.pictures.tiff import TIFF_SUFFIXES, TiffPages, is_stack
from stream.sources.pictures.times import DEFAULT_RATE, stated_rate
from stream.sources.video.pixels import check_bits
from stream.uri import Uri

RAW_SUFFIXES = frozenset({".y16", ".raw"})
Opened = TypeVar("Opened", RawCounts, TiffPages)


def is_raw_path(uri: Uri) -> bool:
    """True when a path or URI names counts without a header."""
    if Path(uri.path).suffix.lower() in RAW_SUFFIXES:
        return True
    return uri.scheme == "thermal" and "size" in uri.options and not is_picture_path(uri.path)


def with_bits(settings: InputSettings, uri: Uri) -> InputSettings:
    """The settings of a thermal input with the `bits` of its URI, if it states some.

    Raises:
        SourceError: they are no number from 8 to 16.
    """
    if uri.scheme != "thermal" or "bits" not in uri.options:
        return settings
    return settings.model_copy(update={"bits": integer_option(uri, "bits", 16, 8, 16)})


def open_pictures(
    settings: InputSettings, uri: Uri, role: Side, partner: InputSettings | None = None
) -> Source:
    """Open pictures in files of their own, or all in one, by `PATH`, `images://` or `thermal://`.

    Args:
        settings: of the input.
        uri: of the input.
        role: which camera it is of.
        partner: settings of the other camera, whose pictures names may pair with these.

    Raises:
        SourceError: there are none, or they cannot be read.
    """
    path = Path(uri.path)
    if is_raw_path(uri):
        return _open_raw(settings, uri, path, role)
    if path.suffix.lower() in TIFF_SUFFIXES and path.is_file():
        source = _open_pages(settings, uri, path, role)
        if source is not None:
            return source
    return ImageSource(settings, uri, role, partner)


def is_recorded_video(uri: Uri) -> bool:
    """True when a path or URI names a video file."""
    if uri.scheme not in ("", "file", "thermal"):
        return False
    return not is_raw_path(uri) and not is_picture_path(uri.path)


def _open_pages(settings: InputSettings, uri: Uri, path: Path, role: Side) -> Source | None:
    """The pages of a TIFF; None where it is a single picture."""
    with ExitStack() as opened:
        pages = opened.enter_context(closing(_reading(uri, TiffPages, path)))
        _check_named(path, pages)
        if not is_stack(pages):
            return None
        check_options(uri, {"rate", "bits"} if uri.scheme == "thermal" else {"rate"})
        source = StackSource(settings, role, pages, "tiff pages", _rate(settings, uri))
        opened.pop_all()
        return source


def _open_raw(settings: InputSettings, uri: Uri, path: Path, role: Side) -> Source:
    check_options(uri, {"size", "rate", "bits", "endian"})
    check_bits(settings.bits, 16, str(uri))
    if not path.is_file():
        raise SourceError(f"the file {path} does not exist")
    size = _size(uri)
    with ExitStack() as opened:
        stack = opened.enter_context(closing(_reading(uri, RawCounts, path, size, _big_endian(uri))))
        _check_content(uri, stack, size, settings.bits)
        source = StackSource(settings, role, stack, "raw counts", _rate(settings, uri))
        opened.pop_all()
        return source


def _reading(uri: Uri, kind: Callable[..., Opened], *arguments: Any) -> Opened:
    try:
        return kind(*arguments)
    except OSError as error:
        raise SourceError(f"{uri} cannot be read: {error.strerror}") from None


def _check_content(uri: Uri, stack: RawCounts, size: tuple[int, int], bits: int | None) -> None:
    """Counts tell whether size and byte order can be right.

    Raises:
        SourceError: they cannot.
    """
    first = stack.read(0) if stack.count else None
    if first is None:
        raise SourceError(f"{uri} is shorter than one picture of {size[0]}x{size[1]} pixels; check the size")
    top = 2 ** (bits or 16) - 1
    if np.median(first) > top:
        raise SourceError(
            f"{uri} has counts up to {first.max()} where {bits} bits reach {top}; "
            "check bits, and whether endian is little or big"
        )


def _check_named(path: Path, pages: TiffPages) -> None:
    """Refuse a TIFF of which most pictures would stay unseen.

    Raises:
        SourceError: it is one.
    """
    unnamed = pages.undirected()
    if unnamed:
        raise SourceError(
            f"{path} is an ImageJ stack that does not say where {unnamed} of its pictures are; save it as an "
            "image sequence, and give the folder"
        )


def _rate(settings: InputSettings, uri: Uri) -> Fraction:
    return stated_rate(settings, uri) or DEFAULT_RATE


def _size(uri: Uri) -> tuple[int, int]:
    size = size_option(uri)
    if size is None:
        raise SourceError(
            f"{uri} is raw counts, whose size nothing tells; write thermal://FILE?size=640x512, and rate=, "
            "bits= and endian=big where they are needed"
        )
    return size


def _big_endian(uri: Uri) -> bool:
    endian = uri.options.get("endian", "little")
    if endian not in ("little", "big"):
        raise SourceError(f"{uri}: endian must be little or big, got {endian!r}")
    return endian == "big"
