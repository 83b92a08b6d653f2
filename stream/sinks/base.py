"""The interface of every sink, and the options that it is opened with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from stream.errors import SinkError
from stream.frame import Colour, ColourMap, FusedFrame, View
from stream.zeromq.objects import FoundObjects


@dataclass(frozen=True, slots=True)
class SinkOptions:
    """Options of a sink, and the properties of its frames.

    Attributes:
        view: which picture of a fused frame it writes.
        colour_map: of the view `thermal-colour`.
        rate: frames a second, a hint for encoders; None when unknown.
        time_base: unit of the time stamps to keep, in seconds.
        colour: of the visible source, to be carried over.
        pixel_aspect: width of a pixel over its height, that of the visible source; for video files.
        encoder: name of the video encoder, None for the sink's default.
        quality: constant rate factor of the encoder, lower is better; None for the sink's default.
        audio_from: file whose audio is copied beside the pictures, None for silence.
        device: type of the device that fuses; on `cuda` the default encoder may be NVENC.
        size: width and height of the pictures to be written; None when unknown.
        live: True when frames come from cameras, whose pictures may change their size.
        segment_s: seconds after which a video sink begins a new file; None for never.
        segment_mb: megabytes after which it does.
        keep_free_mb: megabytes of the disk that stay free; None writes until it is full.
        sidecar: write the pairing of every frame beside a video.
        model: gives name and SHA-256 of the network's weights, which may be chosen with the first frame.
        calibration: file of the registration; None without one.
    """

    view: View = "fused"
    colour_map: ColourMap = "heat"
    rate: Fraction | None = None
    time_base: Fraction = Fraction(1, 90_000)
    colour: Colour = field(default_factory=Colour)
    pixel_aspect: Fraction = Fraction(1)
    encoder: str | None = None
    quality: int | None = None
    audio_from: str | None = None
    device: str = "cpu"
    size: tuple[int, int] | None = None
    live: bool = False
    segment_s: float | None = None
    segment_mb: float | None = None
    keep_free_mb: float | None = None
    sidecar: bool = False
    model: Callable[[], tuple[str, str]] = lambda: ("", "")
    calibration: Path | None = None

    def without_audio(self) -> SinkOptions:
        """The same options, for a silent output."""
        return replace(self, audio_from=None)


class Sink(Protocol):
    """Takes fused frames in the order of their times; used by one thread only.

    `close` finishes the output so that it is whole; what was written before an error stays playable.

    Attributes:
        written: frames so far.
        skipped: frames that were not written, for want of room on the disk or of a server that takes them.
        encoder: name of the video encoder, empty for sinks without one.
        is_full: True once it takes no more frames.
        draws_boxes: True where boxes of found objects are drawn on its pictures, False where they are told.
    """

    written: int
    skipped: int
    encoder: str
    is_full: bool
    draws_boxes: bool

    def write(self, frame: FusedFrame) -> None:
        """Write one frame.

        Raises:
            SinkError: when it cannot be written; the sink can still be closed.
        """

    def tell(self, found: FoundObjects) -> None:
        """Take objects that were found in a frame, before or after the frame itself."""

    def close(self) -> None:
        """Finish and release; may be called twice."""

    def __enter__(self) -> Self:
        """The sink itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""


_log = logging.getLogger(__name__)


class SinkBase:
    """Gives a class with `close` the methods of a context manager.

    An error of closing is raised only when the block itself went well; otherwise it is logged, so that the
    first error is the one that is seen.
    """

    encoder = ""
    skipped = 0
    is_full = False
    draws_boxes = True

    def tell(self, found: FoundObjects) -> None:
        """Take objects that were found in a frame; most sinks have no use for them."""

    def close(self) -> None:
        """Finish and release; may be called twice."""
        raise NotImplementedError  # each sink finishes in its own way

    def __enter__(self) -> Self:
        """The sink itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        try:
            self.close()
        except SinkError as closing_error:
            if error is None:
                raise
            _log.warning("%s", closing_error)
