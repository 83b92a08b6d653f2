"""Cuts off rows of a thermal camera's pictures that hold other data, before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stream.config import InputSettings, ThermalInputSettings
from stream.errors import SourceError
from stream.frame import Frame
from stream.sources.base import Source, WrappedSource
from stream.sources.crop import cropped


def without_rows(source: Source, settings: InputSettings) -> Source:
    """A source cropped by the settings, without the rows that hold other data.

    Args:
        source: of frames as the camera sends them.
        settings: of the input; only a thermal one has such rows, or a half that is another picture.

    Raises:
        SourceError: nothing would be left; the source is closed.
    """
    source = cropped(source, settings)
    if not isinstance(settings, ThermalInputSettings):
        return source
    width, height, half = source.info.width, source.info.height, settings.count_layout.half
    if half and (height % 2 or height <= width):
        source.close()
        raise SourceError(
            f"{source.info.uri} has {width}x{height} pixels, which is not two pictures one above the other, "
            f"and the layout of counts says {half}"
        )
    top = settings.cut_top + (height // 2 if half == "lower" else 0)
    bottom = settings.cut_bottom + (height // 2 if half == "upper" else 0)
    if not top + bottom:
        return source
    if height <= top + bottom:
        source.close()
        raise SourceError(
            f"{source.info.uri} has {height} rows, and thermal.cut_top and thermal.cut_bottom would cut off "
            f"{top + bottom}{', with the half without counts' if half else ''}; leave at least one"
        )
    return CutSource(source, top, bottom)


class CutSource(WrappedSource):
    """The frames of another source without some of their first and last rows."""

    def __init__(self, inner: Source, top: int, bottom: int) -> None:
        super().__init__(inner)
        self._top, self._bottom = top, bottom
        self.info = replace(inner.info, height=inner.info.height - top - bottom)

    def _read(self) -> Iterator[Frame]:
        for frame in self._inner:
            yield replace(frame, picture=frame.pixels[self._top : frame.size[1] - self._bottom])
