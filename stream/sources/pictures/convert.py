"""Converts the stored pictures of one stream to the pixels of its frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream.config import InputSettings, ThermalInputSettings
from stream.errors import SourceError
from stream.frame import Pixels, Side
from stream.radiometry import Radiometry
from stream.sources.counts import CountReader
from stream.sources.number_format import check_one_picture
from stream.sources.palette.undo import Warmth
from stream.sources.pictures.decode import choose_picture_target, convert_picture
from stream.sources.video.pixels import Target


@dataclass(frozen=True, slots=True)
class PictureConverter:
    """Brings stored pictures to frames' pixels, by what the first picture and the settings say.

    Attributes:
        target: pixel format and bits of the frames.
        radiometry: degrees Celsius of a count, as stated or as the number format calls for; None where
            neither tells.
    """

    target: Target
    radiometry: Radiometry | None
    _role: Side
    _bits: int | None
    _counts: CountReader | None
    _warmth: Warmth | None

    def __call__(self, stored: Pixels) -> Pixels:
        """Pixels of `target` of a picture as it is stored."""
        if self._warmth is not None:
            is_grey = stored.ndim == 2
            return self._warmth.of_grey(stored) if is_grey else self._warmth(stored[..., ::-1])
        pixels = convert_picture(stored, self._role, self._bits)
        return pixels if self._counts is None else self._counts(pixels)


def cuts_rows(settings: InputSettings) -> bool:
    """True if rows are cut off, which leaves one picture."""
    return isinstance(settings, ThermalInputSettings) and settings.cut_top + settings.cut_bottom > 0


def choose_converter(first: Pixels, role: Side, settings: InputSettings, name: str) -> PictureConverter:
    """Choose what pictures of a stream become.

    Args:
        first: a picture as it is stored, [H, W] or [H, W, 3] (BGR).
        role: which camera it is of.
        settings: of the input: bits, layout of counts and unit.
        name: of the picture, for messages.

    Raises:
        SourceError: its numbers are none that are read, or do not go with the settings.
    """
    bits = settings.count_bits
    if role == "visible":
        return PictureConverter(choose_picture_target(first, role, bits, name), None, role, bits, None, None)
    layout = settings.count_layout
    if not (layout.half or layout.whole or cuts_rows(settings)):
        check_one_picture((first.shape[1], first.shape[0]), name)
    if first.dtype == np.uint8:
        target = choose_picture_target(first, role, bits, name)
        warmth = Warmth(settings.colours, name)
        if first.ndim == 3:
            warmth.look_at(first[..., ::-1])
        # Steps of a palette are not counts.
        unit = None if warmth.palette else settings.unit
        return PictureConverter(target, unit, role, bits, None, warmth)
    if settings.colours != "auto":
        raise SourceError(f"{name} holds counts, which have no palette; leave out --thermal-palette")
    grey = convert_picture(first, role, bits)
    counts = CountReader(grey, layout, settings.unit, name)
    target = choose_picture_target(counts(grey), role, bits, name)
    return PictureConverter(target, counts.unit, role, bits, counts, None)
