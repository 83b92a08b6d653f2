"""A sink that writes one picture: the first fused frame."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from stream.config.outputs import ShownColours, ShownView
from stream.errors import SinkError
from stream.files.atomic_write import write_atomic
from stream.files.output_path import check_place, reason
from stream.frame import FusedFrame
from stream.render.views import render
from stream.sinks.base import SinkBase, SinkOptions
from stream.sinks.images import encode
from stream.sinks.settings import SinkSettings
from stream.uri import Uri

# Suffix of the path -> that of the encoder.
SUFFIXES = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".tif": "tif", ".tiff": "tif"}


class PictureSettings(SinkSettings):
    """A path that ends in a suffix of `SUFFIXES`."""

    schemes: ClassVar = {"": True, "file": True}
    form: ClassVar = "one picture *.png, *.jpg or *.tif"
    kind: ClassVar = "a picture"

    view: ShownView = "fused"
    colour_map: ShownColours = "heat"

    @classmethod
    def claims(cls, uri: Uri) -> bool:
        """True for a path of a picture."""
        known = uri.scheme in cls.schemes and Path(uri.path).suffix.lower() in SUFFIXES
        return known and not uri.path.endswith("/") and not Path(uri.path).is_dir()

    def open(self, options: SinkOptions) -> PictureSink:
        """A sink of one picture."""
        return PictureSink(self.path(), self.over(options))


class PictureSink(SinkBase):
    """Writes the first frame, whole or not at all, and lets all others go."""

    def __init__(self, path: Path, options: SinkOptions) -> None:
        """Check the place.

        Args:
            path: of the picture.
            options: view and colour map.

        Raises:
            SinkError: it cannot be written there.
        """
        check_place(path)
        self._path, self._view, self._colour_map = path, options.view, options.colour_map
        self.written, self.is_full = 0, False

    def write(self, frame: FusedFrame) -> None:
        """Write the first picture.

        Raises:
            SinkError: it cannot be written.
        """
        if self.written:
            return
        picture = render(frame, self._view, self._colour_map)
        try:
            write_atomic(self._path, encode(picture, SUFFIXES[self._path.suffix.lower()]))
        except OSError as error:
            raise SinkError(f"{self._path} cannot be written: {reason(error)}") from error
        self.written, self.is_full = 1, True

    def close(self) -> None:
        """Nothing is open."""
