"""Pixels of one picture: RGB or grey, or luma and chroma as video holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[Any]
AnyPixels: TypeAlias = "Pixels | Tensor"
LumaRange = Literal["limited", "full"]
NO_CHROMA = 128
BLACK_LUMA: dict[LumaRange, int] = {"limited": 16, "full": 0}


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour description of a video's YUV values, in ITU-T H.273 code points.

    2 means unspecified. `full_range` is True for 0..255, False for 16..235 luma.
    """

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full_range: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class YuvPlanes:
    """A colour picture as decoders give it and encoders take it: 8-bit luma, and chroma of half the size.

    What only looks at luma, or passes the picture on, is spared two conversions of all colours. Planes may be
    views of a decoder's memory, and are read-only by agreement.

    Attributes:
        y: [H, W] uint8, luma.
        u: [(H + 1) // 2, (W + 1) // 2] uint8, Cb; 128 is none.
        v: the same for Cr.
        matrix: H.273 code point of the matrix, never unspecified.
        luma_range: `limited` for luma of 16..235, `full` for 0..255.
        to_rgb: makes [H, W, 3] uint8 full-range RGB of such planes; may be called by any thread.
    """

    y: Pixels
    u: Pixels
    v: Pixels
    matrix: int
    luma_range: LumaRange
    to_rgb: Callable[[YuvPlanes], Pixels]
    _made: list[Pixels] = field(default_factory=list, init=False, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.y.shape[1], self.y.shape[0]

    def rgb(self) -> Pixels:
        """[H, W, 3] uint8 RGB; made once, on demand."""
        if not self._made:
            self._made.append(self.to_rgb(self))
        return self._made[0]

    def with_luma(self, y: Pixels) -> YuvPlanes:
        """The same colours with other luma of the same size and range."""
        return replace(self, y=y)

    def without_colour(self, y: Pixels) -> YuvPlanes:
        """Grey planes of the same size and range."""
        none = np.full_like(self.u, NO_CHROMA)
        return replace(self, y=y, u=none, v=none)

    def black(self) -> YuvPlanes:
        """Black planes of the same size and range."""
        return self.without_colour(np.full_like(self.y, BLACK_LUMA[self.luma_range]))


# A picture as it is kept; `rgb_of` gives its pixels.
Picture: TypeAlias = "Pixels | Tensor | YuvPlanes"


def rgb_of(picture: Any) -> Any:
    """The pixels of a picture: RGB where it is kept as planes, else as they are."""
    return picture.rgb() if isinstance(picture, YuvPlanes) else picture


def size_of(picture: Picture) -> tuple[int, int]:
    """Width and height in pixels; converts nothing."""
    if isinstance(picture, YuvPlanes):
        return picture.size
    return picture.shape[1], picture.shape[0]
