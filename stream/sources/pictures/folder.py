"""Folders and globs of pictures as a stream of frames."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.picture_size import check_size
from stream.sources.base import SourceBase, SourceInfo, ends_before
from stream.sources.options import STATED, check_options, size_option
from stream.sources.pictures.convert import choose_converter
from stream.sources.pictures.decode import (
    Stored,
    check_alike,
    read_stored,
    stored_format,
)
from stream.sources.pictures.radiometric.part import PART_OPTIONS, flir_part
from stream.sources.pictures.tiff import check_single
from stream.sources.pictures.together import times_beside
from stream.sources.pictures.unsupported import CONVERT, describe_unsupported
from stream.uri import Uri

_log = logging.getLogger(__name__)

# Pictures by which the depth of a stream is told.
LOOKED_AT = 3


class ImageSource(SourceBase):
    """Pictures of a folder or glob, in natural order (`2.png` before `10.png`) or that of their times.

    Times come from a list beside the pictures, from their names, or from a rate, see `times.py`; `times` in
    the URI chooses. Without it a rate that is given holds, then a list such as `times.csv`, then times since
    1970 or dates in all names; in all other cases (`000000.png`, `000001.png`, ...) pictures follow each
    other at 25 a second. Beside another folder names may pair the pictures, see `together.py`. A picture that
    cannot be read is counted in `lost["corrupt"]` and keeps its place in time. For thermal, the raw counts of
    FLIR's radiometric JPEG are read, not the picture, and `size` in the URI puts pictures right that were
    saved with the wrong number of columns.
    """

    def __init__(
        self, settings: InputSettings, uri: Uri, role: Side, partner: InputSettings | None = None
    ) -> None:
        """Find the pictures and read the first one that can be read.

        Args:
            settings: of the input; `rate` and `bits` hold here.
            uri: a folder, a glob or one picture, with the options `rate`, `times` and `pair`.
            role: decides the pixel format of the frames.
            partner: settings of the other camera, whose pictures names may pair with these.

        Raises:
            SourceError: when there are no pictures, none can be read, or an option is wrong.
        """
        super().__init__()
        thermal_only = STATED | {"size"} if uri.scheme in ("thermal", "flir") else set()
        check_options(uri, {"rate", "times", "pair"} | thermal_only | PART_OPTIONS.get(uri.scheme, set()))
        part = flir_part(uri, role)
        self._role, self._picture_alone = role, part == "picture" or settings.colours != "auto"
        self._size = size_option(uri)
        self._times = times_beside(settings, uri, role, partner)
        self._paths = self._times.paths
        self._begin = 0
        if self._times.untimed:
            self.lost["without_time"] = self._times.untimed
        path, stored = self._first_readable(uri)
        if part == "visible" and not stored.is_embedded:
            raise SourceError(
                f"{path} holds no visible picture beside its counts; part=picture is its own one"
            )
        first = stored.pixels
        self._convert = choose_converter(first, role, settings, str(path))
        self._dtype = first.dtype
        self.stored_bits = settings.count_bits or 8 * first.dtype.itemsize
        self.stored_format = stored_format(first)
        target = self._convert.target
        self.info = SourceInfo(
            uri=str(uri),
            width=first.shape[1],
            height=first.shape[0],
            pixel_format=target.pixel_format,
            bits=target.bits,
            rate=self._times.rate,
            frames=len(self._paths),
            time_base=self._times.tick_s,
            codec=path.suffix[1:].lower(),
            radiometry=self._convert.radiometry or stored.radiometry,
            alignment=stored.alignment,
        )

    def _first_readable(self, uri: Uri) -> tuple[Path, Stored]:
        """The first of the first few readable pictures whose depth most of them have."""
        readable = ((path, stored) for path in self._paths if (stored := self._stored(path)) is not None)
        found = list(islice(readable, LOOKED_AT))
        if not found:
            check_size(self._paths[0])
            kind = describe_unsupported(self._paths[0])
            if kind:
                raise SourceError(f"{self._paths[0]} is {kind}, which is not supported; {CONVERT}")
            raise SourceError(
                f"none of the {len(self._paths)} pictures of {uri} can be read: they are damaged"
            )
        ((usual, _),) = Counter(stored.pixels.dtype for _, stored in found).most_common(1)
        path, stored = next(each for each in found if each[1].pixels.dtype == usual)
        check_single(path)
        return path, stored

    @property
    def first_s(self) -> Fraction | None:
        """Time of the first picture."""
        return self._times.times_s[0]

    def skip_before(self, time_s: Fraction) -> int:
        """Begin with the first picture at a time or later."""
        self._begin = bisect_left(self._times.times_s, time_s)
        if self._begin == len(self._paths):
            raise ends_before(self.info.uri, self._times.times_s[-1], time_s)
        return self._begin

    def _read(self) -> Iterator[Frame]:
        info = self.info
        for index, path in islice(enumerate(self._paths), self._begin, None):
            stored = self._stored(path)
            if stored is None:
                self.lost["unsupported" if describe_unsupported(path) else "corrupt"] += 1
                continue
            if stored.pixels.dtype != self._dtype:
                self._leave_out(path, stored)
                continue
            check_alike(str(path), stored.pixels, info, self._dtype)
            yield Frame(
                self._convert(stored.pixels),
                info.pixel_format,
                self._times.times_s[index],
                self._times.clock,
                index,
                info.bits,
                radiometry=self._convert.radiometry or stored.radiometry,
            )

    def _stored(self, path: Path) -> Stored | None:
        stored = read_stored(path, self._role, self._picture_alone)
        if stored is None or self._size is None:
            return stored
        width, height = self._size
        rows, columns = stored.pixels.shape[:2]
        if stored.pixels.ndim != 2 or rows * columns != width * height:
            raise SourceError(
                f"{path} has {columns}x{rows} pixels and cannot be {width}x{height}; size only tells how "
                "many columns the counts of a picture really have: leave it out where the picture is right"
            )
        return replace(stored, pixels=stored.pixels.reshape(height, width))

    def _leave_out(self, path: Path, stored: Stored) -> None:
        """Count a picture of another depth, whose numbers mean something else; reported once."""
        if not self.lost["other_depth"]:
            _log.warning(
                "%s has pixels of %s where most of its stream have %s; such pictures are left out",
                path,
                stored.pixels.dtype,
                self._dtype,
            )
        self.lost["other_depth"] += 1
