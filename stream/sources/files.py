"""Files of thermal cameras, as `thermal://PATH?options`; the content decides the kind.

    folder, glob   16-bit TIFF and PNG, radiometric JPEG, NPY, CSV, one picture a frame
    one TIFF, NPY  one page or picture a frame
    *.y16, *.raw   numbers without a header: `size=640x512`, `endian=big` and `layout=float32` as they are
    *.seq, *.csq   FLIR's sequences, with the times of their frames
    video          FFV1 and others

`rate` holds for all but video, `bits`, `layout` and `camera` for all (see `config/thermal_layout.py`),
`times` and `size` for folders (see `sources/pictures/folder.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from stream.config import InputSettings, ThermalInputSettings
from stream.errors import SourceError
from stream.frame import Side
from stream.sources.base import Source
from stream.sources.options import STATED, check_options, integer_option
from stream.sources.pictures.folder import ImageSource
from stream.sources.pictures.listing import is_picture_path
from stream.sources.pictures.numbers import NpyStack
from stream.sources.pictures.radiometric.sequence import SEQUENCE_SUFFIXES, FlirSequenceSource
from stream.sources.pictures.raw import open_raw
from stream.sources.pictures.stack import StackSource
from stream.sources.pictures.tiff import TIFF_SUFFIXES, TiffPages, is_stack
from stream.sources.pictures.times import rate_of
from stream.uri import Uri

RAW_SUFFIXES = frozenset({".y16", ".raw"})
Opened = TypeVar("Opened", TiffPages, NpyStack)


def is_raw_path(uri: Uri) -> bool:
    """True when a path or URI names counts without a header."""
    if Path(uri.path).suffix.lower() in RAW_SUFFIXES:
        return True
    return uri.scheme == "thermal" and "size" in uri.options and not is_picture_path(uri.path)


def as_stated(settings: InputSettings, uri: Uri) -> InputSettings:
    """The settings of a thermal input with the `bits`, `layout` and `camera` of its URI, if it states some.

    Raises:
        SourceError: one of them is wrong.
    """
    stated = {key: uri.options[key] for key in STATED if key in uri.options}
    if uri.scheme not in ("thermal", "flir") or not stated:
        return settings
    if "bits" in stated:
        integer_option(uri, "bits", 16, 8, 16)
    own = settings.model_dump(exclude_unset=True)
    try:
        return ThermalInputSettings.model_validate(own | stated)
    except ValidationError as error:
        first = error.errors()[0]
        raise SourceError(f"{uri}: {first.get('ctx', {}).get('error') or first['msg']}") from None


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
        return open_raw(settings, uri, path, role)
    if path.suffix.lower() in SEQUENCE_SUFFIXES:
        return FlirSequenceSource(settings, uri, role)
    if path.suffix.lower() in TIFF_SUFFIXES and path.is_file():
        source = _open_pages(settings, uri, path, role)
        if source is not None:
            return source
    if path.suffix.lower() == ".npy" and path.is_file():
        return _open_npy(settings, uri, path, role)
    return ImageSource(settings, uri, role, partner)


def is_recorded_video(uri: Uri) -> bool:
    """True when a path or URI names a video file."""
    if uri.scheme not in ("", "file", "thermal"):
        return False
    if Path(uri.path).suffix.lower() in SEQUENCE_SUFFIXES:
        return False
    return not is_raw_path(uri) and not is_picture_path(uri.path)


def _open_pages(settings: InputSettings, uri: Uri, path: Path, role: Side) -> Source | None:
    """The pages of a TIFF; None where it is a single picture."""
    with ExitStack() as opened:
        pages = opened.enter_context(closing(_reading(uri, TiffPages, path)))
        _check_named(path, pages)
        if not is_stack(pages):
            return None
        check_options(uri, {"rate"} | (STATED if uri.scheme == "thermal" else set()))
        source = StackSource(settings, role, pages, "tiff pages", rate_of(settings, uri))
        opened.pop_all()
        return source


def _open_npy(settings: InputSettings, uri: Uri, path: Path, role: Side) -> Source:
    """The pictures of a NumPy file."""
    check_options(uri, {"rate"} | (STATED if uri.scheme == "thermal" else set()))
    with ExitStack() as opened:
        try:
            stack = opened.enter_context(closing(_reading(uri, NpyStack, path)))
        except (ValueError, EOFError):
            raise SourceError(
                f"{uri} is no NumPy file of pictures [H, W] or [N, H, W] of numbers, or is damaged"
            ) from None
        source = StackSource(settings, role, stack, "npy", rate_of(settings, uri))
        opened.pop_all()
        return source


def _reading(uri: Uri, kind: Callable[..., Opened], *arguments: Any) -> Opened:
    try:
        return kind(*arguments)
    except OSError as error:
        raise SourceError(f"{uri} cannot be read: {error.strerror}") from None


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
