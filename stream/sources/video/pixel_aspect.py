"""Shape of pixels that are not square, as containers state it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

# Wider or narrower pixels than any format has are a damaged tag.
MOST = 4


def pixel_aspect_of(stream: Any) -> Fraction:
    """Width of a stored pixel over its height, of PyAV's stream; 1 where nothing possible is said."""
    aspect = stream.sample_aspect_ratio
    if not aspect or not Fraction(1, MOST) <= aspect <= MOST:
        return Fraction(1)
    return Fraction(aspect)
