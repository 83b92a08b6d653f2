"""What every sink offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from types import TracebackType
from typing import Protocol, Self

from stream.frame import Colour, FusedFrame, View


@dataclass(frozen=True, slots=True)
class SinkOptions:
    """How a sink writes.

    Attributes:
        view: which picture of a fused frame it writes.
        rate: frames a second, a hint for encoders; None when unknown.
        time_base: unit of the time stamps to keep, in seconds.
        colour: of the visible source, to be carried over.
        encoder: name of the video encoder, None for the sink's default.
        quality: constant rate factor of the encoder, lower is better; None for the sink's default.
        audio_from: file whose audio is copied beside the pictures, None for silence.
        device: type of the device that fuses; on `cuda` the default encoder may be NVENC.
        size: width and height of the pictures to be written; None when unknown.
    """

    view: View = "fused"
    rate: Fraction | None = None
    time_base: Fraction = Fraction(1, 90_000)
    colour: Colour = field(default_factory=Colour)
    encoder: str | None = None
    quality: int | None = None
    audio_from: str | None = None
    device: str = "cpu"
    size: tuple[int, int] | None = None


class Sink(Protocol):
    """Takes fused frames in the order of their times; used by one thread only.

    `close` finishes the output so that it is whole; what was written before an error stays playable.

    Attributes:
        written: frames so far.
        encoder: name of the video encoder, empty for sinks without one.
    """

    written: int
    encoder: str

    def write(self, frame: FusedFrame) -> None:
        """Write one frame.

        Raises:
            SinkError: when it cannot be written; the sink can still be closed.
        """

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
