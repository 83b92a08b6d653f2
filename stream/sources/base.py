"""The interface of sources, and their base class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, Self

from stream.errors import EndedError
from stream.frame import Colour, Frame, PixelFormat
from stream.picture import LumaRange
from stream.radiometry import Radiometry
from stream.registration.calibration import Calibration


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Properties of a source, known before its first frame.

    Attributes:
        uri: as the user gave it, passwords masked.
        width: pixels, after rotation.
        height: pixels, after rotation.
        pixel_format: of the frames it yields.
        bits: significant bits of a grey count.
        rate: frames a second, None when unknown.
        frames: how many there will be, None when unknown.
        time_base: unit of the container's time stamps, in seconds.
        colour: of the original video, to be carried to the output.
        codec: name of the decoder or reader, for people.
        decoder: what decodes video and where, `cpu (libav h264)` or `cuda (NVDEC h264)`; empty without video.
        decoder_why: one phrase on why that decodes.
        live: True when frames that are not read are lost.
        finite: True for a live source that comes to an end, as a recording does that is played like a camera.
        audio: True when an audio track can be carried over from `uri`.
        radiometry: what a thermal count means in degrees Celsius, where known; frames may have their own.
        alignment: how thermal pictures of the same camera lie on these visible ones, where its files tell.
        pixel_aspect: width of a pixel over its height, to be carried to the output.
        tracks: the video tracks of its file, each in words; empty where it is no video file.
        luma: range of the luma of frames that come as `YuvPlanes`; None where they come as RGB or grey.
    """

    uri: str
    width: int
    height: int
    pixel_format: PixelFormat
    bits: int = 8
    rate: Fraction | None = None
    frames: int | None = None
    time_base: Fraction = Fraction(1, 90_000)
    colour: Colour = field(default_factory=Colour)
    codec: str = ""
    decoder: str = ""
    decoder_why: str = ""
    live: bool = False
    finite: bool = False
    audio: bool = False
    radiometry: Radiometry | None = None
    alignment: Calibration | None = None
    pixel_aspect: Fraction = Fraction(1)
    tracks: tuple[str, ...] = ()
    luma: LumaRange | None = None


def ends_before(name: str, last_s: Fraction, time_s: Fraction) -> EndedError:
    """The error of a source whose frames are all before the time from which it is to be read."""
    return EndedError(
        f"{name} ends at {float(last_s):.3f} s, and was to be read from {float(time_s):.3f} s on; give a "
        "smaller --start"
    )


class Source(Protocol):
    """An iterator of frames in the order of their capture times.

    Opened by `open_source`, used by one thread only, closed by `close` or the end of a `with`.
    `lost` counts frames that could not be delivered, by reason (for example `corrupt`).
    """

    info: SourceInfo
    lost: Counter[str]

    def __iter__(self) -> Iterator[Frame]:
        """Frames, once through."""

    def close(self) -> None:
        """Release everything; may be called twice."""

    def __enter__(self) -> Self:
        """The source itself."""

    def __exit__(self, *error: object) -> None:
        """Close."""


class SourceBase:
    """A source that reads its frames once through; subclasses write `_read`.

    Attributes:
        stored_format: pixel format before conversion, for people.
        stored_bits: significant bits of a value before conversion.
        rotation: degrees counter-clockwise by which frames were turned to stand upright.
        stored_colour: colour tags before conversion; None where they are those of the frames.
        interlaced: frames are two half pictures of two moments before conversion.
    """

    info: SourceInfo
    stored_format: str = ""
    stored_bits: int = 8
    stored_colour: Colour | None = None
    interlaced: bool = False

    def __init__(self) -> None:
        self.rotation = 0
        self.lost: Counter[str] = Counter()
        self._frames: Iterator[Frame] | None = None

    @property
    def first_s(self) -> Fraction | None:
        """Time of the first frame; None where it is not known before it is read."""
        return None

    def skip_before(self, time_s: Fraction) -> int:
        """Leave frames before a time unread as far as the source can; some of them may still come.

        To be called before the first frame is read.

        Args:
            time_s: on the clock of the source.

        Returns:
            How many frames were left out; by the frame rate, where they are not counted one by one.

        Raises:
            EndedError: the source ends before that time.
        """
        return 0

    def _read(self) -> Iterator[Frame]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Frame]:
        """Frames in the order of their times; a second call goes on where the first one stopped."""
        if self._frames is None:
            self._frames = self._read()
        return self._frames

    def _stored_as(self, inner: Source) -> None:
        """Take over what another source states about the frames before conversion."""
        if isinstance(inner, SourceBase):
            self.stored_format, self.stored_bits = inner.stored_format, inner.stored_bits
            self.stored_colour, self.rotation = inner.stored_colour, inner.rotation
            self.interlaced = inner.interlaced

    def _end_reading(self) -> None:
        """Close the iteration where it stands, with all that it holds."""
        frames, self._frames = self._frames, iter(())
        if isinstance(frames, Generator):
            frames.close()

    def close(self) -> None:
        """Release everything; may be called twice."""
        self._end_reading()

    def __enter__(self) -> Self:
        """The source itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()


class WrappedSource(SourceBase):
    """A source that changes the frames of another one, and closes it."""

    def __init__(self, inner: Source) -> None:
        super().__init__()
        self._inner, self.lost = inner, inner.lost
        self._stored_as(inner)

    @property
    def first_s(self) -> Fraction | None:
        """That of the other source."""
        return self._inner.first_s if isinstance(self._inner, SourceBase) else None

    def skip_before(self, time_s: Fraction) -> int:
        """Leave frames of the other source unread."""
        return self._inner.skip_before(time_s) if isinstance(self._inner, SourceBase) else 0

    def close(self) -> None:
        """Close the other source; may be called twice."""
        self._end_reading()
        self._inner.close()
