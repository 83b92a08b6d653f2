"""A part of each picture, for cameras and files that hold two pictures in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from stream.config import InputSettings
from stream.config.crop import Crop, parse_crop
from stream.errors import SourceError
from stream.frame import AnyPixels, Frame
from stream.sources.base import Source, WrappedSource


def cropped(source: Source, settings: InputSettings) -> Source:
    """A source of the part that the settings name; itself where they name none.

    Args:
        source: of whole, upright pictures.
        settings: of the input.

    Raises:
        SourceError: the part is not in the pictures; the source is closed.
    """
    if settings.crop is None:
        return source
    try:
        return CroppedSource(source, parse_crop(settings.crop))
    except SourceError:
        source.close()
        raise


class CroppedSource(WrappedSource):
    """The frames of another source, each cut down to a part."""

    def __init__(self, inner: Source, crop: Crop) -> None:
        super().__init__(inner)
        self._crop = crop
        _, _, width, height = self._box((inner.info.width, inner.info.height))
        self.info = replace(inner.info, width=width, height=height, luma=None)

    def _box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        try:
            return self._crop.box(size)
        except ValueError as error:
            raise SourceError(f"{self._inner.info.uri}: {error}") from None

    def _read(self) -> Iterator[Frame]:
        for frame in self._inner:
            left, top, width, height = self._box(frame.size)
            yield replace(frame, picture=_dense(frame.pixels[top : top + height, left : left + width]))


def _dense(part: AnyPixels) -> AnyPixels:
    # Kernels and encoders take rows without anything between them; the whole picture can be let go.
    return np.ascontiguousarray(part) if isinstance(part, np.ndarray) else part.contiguous()
