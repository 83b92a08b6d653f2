"""The part of a picture that is used: `left`, `right`, `top`, `bottom` or `X,Y,WIDTH,HEIGHT`."""

from __future__ import annotations

import re
from dataclasses import dataclass

HALVES = ("left", "right", "top", "bottom")
_NUMBERS = re.compile(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Crop:
    """A half of a picture, or a rectangle of it.

    Attributes:
        text: as the user gave it.
        half: one of `HALVES`; None for a rectangle.
        rectangle: left, top, width and height in pixels of the upright picture.
    """

    text: str
    half: str | None = None
    rectangle: tuple[int, int, int, int] = (0, 0, 0, 0)

    def box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, top, width and height in pixels for a picture.

        The middle line of an odd size is in neither half, so that both have one size.

        Args:
            size: width and height of the whole, upright picture.

        Raises:
            ValueError: nothing would be left, or the rectangle reaches beyond the picture.
        """
        width, height = size
        left, top, wide, high = self.rectangle
        if self.half in ("left", "right"):
            wide, high = width // 2, height
            left, top = (0 if self.half == "left" else width - wide), 0
        elif self.half:
            wide, high = width, height // 2
            left, top = 0, (0 if self.half == "top" else height - high)
        if not (wide and high) or left + wide > width or top + high > height:
            raise ValueError(f"crop={self.text} reaches beyond its {width}x{height} pixels")
        return left, top, wide, high


def parse_crop(text: str) -> Crop:
    """Read a crop.

    Raises:
        ValueError: it is none.
    """
    if text in HALVES:
        return Crop(text, text)
    match = _NUMBERS.fullmatch(text.replace(" ", ""))
    numbers = tuple(int(number) for number in match.groups()) if match else (0, 0, 0, 0)
    if not (numbers[2] and numbers[3]):
        raise ValueError(
            f"a crop is {', '.join(HALVES)} or X,Y,WIDTH,HEIGHT in pixels, as in 320,0,640,512, got {text!r}"
        )
    return Crop(text, None, (numbers[0], numbers[1], numbers[2], numbers[3]))
