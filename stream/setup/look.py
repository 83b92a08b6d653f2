"""Looks at one source: its size, rate, bits and clock, and a first picture in its colours and its counts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import ClockSource, Frame, Pixels, Side
from stream.sources import open_source
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.palette.undo import NEAR_SHARE, is_coloured, recognise

_MOST_PIXELS = 4096
# Logger of readers whose warning about a palette the setup itself words.
_PALETTE_LOG = "stream.sources.palette.undo"


@dataclass(frozen=True, slots=True, eq=False)
class SourceLook:
    """Facts about a source after its first picture.

    Attributes:
        side: the place it was given in.
        settings: how it is opened.
        info: as the source tells it in that place.
        stored: pixel format before conversion, for people; empty where the source does not tell.
        clock: where the times of its frames come from.
        picture: [H, W, 3] uint8 or [H, W] uint8 or uint16, as `side` reads it.
        colours: [H, W, 3] uint8 RGB where it can be read as a visible picture, else None.
        palette: name of the thermal palette of these colours; empty where they are of none.
    """

    side: Side
    settings: InputSettings
    info: SourceInfo
    stored: str
    clock: ClockSource
    picture: Pixels
    colours: Pixels | None
    palette: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a picture."""
        return self.picture.shape[1], self.picture.shape[0]

    @property
    def is_deep(self) -> bool:
        """True for grey counts of more than 8 bits, as only thermal cameras give."""
        return self.picture.dtype == np.uint16

    def words(self, rate: float | None) -> str:
        """The source in one line.

        Args:
            rate: frames a second as measured, None where it is not.
        """
        width, height = self.size
        told = rate or (float(self.info.rate) if self.info.rate else None)
        counts = f", {self.info.bits}-bit counts" if self.is_deep else ""
        speed = f", {told:.3g} frames/s" if told else ""
        count = self.info.frames
        kind = "live" if self.info.live else f"{count} frame{'s' * (count > 1)}" if count else "recorded"
        return f"{width}x{height}{counts}{speed}, {kind}, {_CLOCKS[self.clock]}"


_CLOCKS: dict[ClockSource, str] = {
    "device": "times of the device",
    "rtcp": "times of the camera (RTCP)",
    "v4l2": "times of the driver (V4L2)",
    "pts": "times of the file or stream",
    "arrival": "times of arrival",
}


def look_at(settings: InputSettings, side: Side) -> SourceLook:
    """Open a source, take its first picture and close it.

    Args:
        settings: of the input.
        side: the place it was given in.

    Raises:
        SourceError: it cannot be opened in any way, or has no picture.
    """
    try:
        frame, info, stored = _first(settings, side)
    except SourceError:
        if side == "thermal":
            raise
        # Counts given as the visible source are a mistake that the setup names itself.
        try:
            frame, info, stored = _first(settings, "thermal")
        except SourceError:
            frame, info, stored = _first(settings, side)
    colours = np.asarray(frame.pixels) if frame.pixel_format == "rgb24" else None
    if side == "thermal" and frame.pixel_format == "gray8":
        colours = _as_visible(settings)
    return SourceLook(
        side, settings, info, stored, frame.clock, np.asarray(frame.pixels), colours, _palette(colours)
    )


def sample(rgb: Pixels) -> Pixels:
    """[N, 3] some thousand pixels of a picture [H, W, 3]."""
    step = max(int(np.sqrt(rgb.shape[0] * rgb.shape[1] / _MOST_PIXELS)), 1)
    return rgb[::step, ::step].reshape(-1, 3)


def _palette(picture: Pixels | None) -> str:
    if picture is None or not is_coloured(sample(picture)):
        return ""
    name, _, share = recognise(sample(picture))
    return name if share >= NEAR_SHARE else ""


def _as_visible(settings: InputSettings) -> Pixels | None:
    """The first picture in its colours; None where it cannot be read as a visible picture."""
    try:
        plain = InputSettings.model_validate(settings.model_dump(include=set(InputSettings.model_fields)))
        return np.asarray(_first(plain, "visible")[0].pixels)
    except SourceError:
        return None


def _first(settings: InputSettings, side: Side) -> tuple[Frame, SourceInfo, str]:
    with open_source(settings, side) as source:
        for frame in source:
            stored = source.stored_format if isinstance(source, SourceBase) else ""
            return frame, source.info, stored
        raise SourceError(f"{source.info.uri} has no picture that can be read")


@contextmanager
def palettes_unsaid() -> Iterator[None]:
    """Readers say nothing about palettes inside the block: the setup does, once."""
    logger = logging.getLogger(_PALETTE_LOG)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
