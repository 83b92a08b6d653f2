"""Frames, pairs of frames and fused frames, as they pass through the pipeline.

Pixels are numpy arrays on the host, or torch tensors of a GPU where frames are decoded there; all of them are
read-only by agreement. Video on the host keeps the planes that its decoder gave; `pixels` are made on demand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, TypeAlias, cast

from stream.picture import AnyPixels as AnyPixels
from stream.picture import Colour as Colour
from stream.picture import Picture, YuvPlanes, rgb_of, size_of
from stream.picture import Pixels as Pixels
from stream.radiometry import Radiometry

PixelFormat = Literal["rgb24", "gray8", "gray16le"]
ClockSource = Literal["device", "rtcp", "v4l2", "pts", "arrival"]
View = Literal["fused", "side-by-side", "visible", "thermal", "thermal-colour", "checkerboard"]
ColourMap = Literal["heat", "white-hot", "black-hot", "iron", "rainbow", "lava", "arctic"]
Flag = Literal["held", "single", "stale"]
Side = Literal["visible", "thermal"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        picture: as it is kept: `rgb24` [H, W, 3] uint8 or `YuvPlanes`; `gray8` [H, W] uint8; `gray16le`
            [H, W] uint16, raw counts. An array, planes, or a CUDA tensor whose values are complete.
        pixel_format: which of the three.
        time_s: capture time in seconds on `clock`, exact.
        clock: where that time comes from.
        index: position in its stream, from 0.
        bits: significant bits of a `gray16le` count (10, 12, 14, 16); 8 for the others.
        arrived_s: when it reached this machine, in seconds of the monotonic clock; None for recorded frames.
        stale: the camera itself says that its shutter is closed.
        radiometry: what a thermal count means in degrees Celsius, where that is known.
    """

    picture: Picture
    pixel_format: PixelFormat
    time_s: Fraction
    clock: ClockSource
    index: int
    bits: int = 8
    arrived_s: float | None = None
    stale: bool = False
    radiometry: Radiometry | None = None

    def __post_init__(self) -> None:
        if isinstance(self.picture, YuvPlanes):
            if self.pixel_format != "rgb24":
                raise ValueError(f"a {self.pixel_format} frame is not a colour picture, got planes")
            return
        expected_ndim = 3 if self.pixel_format == "rgb24" else 2
        expected_dtype = "uint16" if self.pixel_format == "gray16le" else "uint8"
        # torch writes its number formats as `torch.uint8`.
        dtype = str(self.picture.dtype).removeprefix("torch.")
        if self.picture.ndim != expected_ndim or dtype != expected_dtype:
            raise ValueError(
                f"a {self.pixel_format} frame has {expected_ndim} dimensions of {expected_dtype}, "
                f"got {self.picture.shape = }, {self.picture.dtype = }"
            )

    @property
    def pixels(self) -> AnyPixels:
        """[H, W, 3] uint8 RGB, or [H, W] uint8 or uint16 grey; made of planes on demand."""
        return cast(AnyPixels, rgb_of(self.picture))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return size_of(self.picture)

    def __repr__(self) -> str:
        width, height = self.size
        time_s = float(self.time_s)
        return f"Frame(#{self.index} {self.pixel_format} {width}x{height} {time_s:.6f} s {self.clock})"


@dataclass(frozen=True, slots=True, eq=False)
class FramePair:
    """A visible and a thermal frame of one moment.

    Attributes:
        visible: the visible frame.
        thermal: the thermal frame.
        time_s: the pair's time: that of the visible frame, on the visible clock.
        pairing_error_s: thermal time minus visible time after the offset is taken out.
        flags: what is special about the pair.
    """

    visible: Frame
    thermal: Frame
    time_s: Fraction
    pairing_error_s: float
    flags: frozenset[Flag] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, eq=False)
class SingleFrame:
    """A frame of one camera that passes through because the other one gave nothing.

    Attributes:
        frame: the frame.
        side: which camera it is of.
        time_s: its capture time on the visible clock.
        flags: `single`, and `stale` where the thermal camera's shutter is why.
    """

    frame: Frame
    side: Side
    time_s: Fraction
    flags: frozenset[Flag] = frozenset({"single"})
    pairing_error_s: None = None

    @property
    def visible(self) -> Frame | None:
        """The visible frame, if it is one."""
        return self.frame if self.side == "visible" else None

    @property
    def thermal(self) -> Frame | None:
        """The thermal frame, if it is one."""
        return self.frame if self.side == "thermal" else None


FrameSet: TypeAlias = FramePair | SingleFrame


@dataclass(frozen=True, slots=True, eq=False)
class FusedFrame:
    """A fused picture and what it was made of, on the visible grid.

    Attributes:
        picture: the fused picture as it is kept, [H, W, 3] uint8 RGB or planes.
        visible_picture: the visible one, the same.
        thermal: [H, W] uint8, registered and after gain control.
        pair: the frames it came from; one only where the picture of one camera passes through.
        index: position among the fused frames, from 0.
    """

    picture: Pixels | YuvPlanes
    visible_picture: Pixels | YuvPlanes
    thermal: Pixels
    pair: FrameSet
    index: int

    @property
    def pixels(self) -> Pixels:
        """[H, W, 3] uint8 RGB, the fused picture; made of planes on demand."""
        return cast(Pixels, rgb_of(self.picture))

    @property
    def visible(self) -> Pixels:
        """[H, W, 3] uint8 RGB, the visible picture; made of planes on demand."""
        return cast(Pixels, rgb_of(self.visible_picture))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return size_of(self.picture)

    @property
    def time(self) -> Fraction:
        """Capture time in seconds on the visible clock, that of the visible frame; exact."""
        return self.pair.time_s

    @property
    def time_s(self) -> float:
        """The same as a float: to a microsecond for times since 1970."""
        return float(self.pair.time_s)

    def as_json(self) -> dict[str, Any]:
        """Everything but pixels as plain values, for `json.dumps`."""
        error_s = self.pair.pairing_error_s
        sources = {"visible": self.pair.visible, "thermal": self.pair.thermal}
        return {
            "index": self.index,
            "time_s": self.time_s,
            "size": list(self.size),
            "flags": sorted(self.pair.flags),
            "pairing_error_ms": None if error_s is None else error_s * 1000,
            "sources": {
                side: {"index": frame.index, "time_s": float(frame.time_s), "clock": frame.clock}
                for side, frame in sources.items()
                if frame is not None
            },
        }
