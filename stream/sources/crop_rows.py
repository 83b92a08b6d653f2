"""Rows of a thermal camera's pictures that are no picture, and are cut off before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stream.config import InputSettings, ThermalInputSettings
from stream.errors import SourceError
from stream.frame import Frame
from stream.sources.base import Source, SourceBase
from stream.sources.crop import cropped


def without_rows(source: Source, settings: InputSettings) -> Source:
    """A source cropped as the settings say, and without the rows of it that they say are no picture.

    Args:
        source: of frames as the camera sends them.
        settings: of the input; only a thermal one has such rows.

    Raises:
        SourceError: nothing would be left; the source is closed.
    """
    source = cropped(source, settings)
    if not isinstance(settings, ThermalInputSettings) or not settings.cut_top + settings.cut_bottom:
        return source
    if source.info.height <= settings.cut_top + settings.cut_bottom:
        source.close()
        raise SourceError(
            f"{source.info.uri} has {source.info.height} rows, and thermal.cut_top and thermal.cut_bottom "
            f"would cut off {settings.cut_top + settings.cut_bottom}; leave at least one"
        )
    return CutSource(source, settings.cut_top, settings.cut_bottom)


class CutSource(SourceBase):
    """The frames of another source without some of their first and last rows."""

    def __init__(self, inner: Source, top: int, bottom: int) -> None:
        super().__init__()
        self._inner, self._top, self._bottom = inner, top, bottom
        self.info = replace(inner.info, height=inner.info.height - top - bottom)
        self.lost = inner.lost
        self._stored_as(inner)

    def _read(self) -> Iterator[Frame]:
        for frame in self._inner:
            yield replace(frame, picture=frame.pixels[self._top : frame.size[1] - self._bottom])

    def close(self) -> None:
        """Close the other source; may be called twice."""
        self._end_reading()
        self._inner.close()
