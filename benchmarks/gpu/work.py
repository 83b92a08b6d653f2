"""Floors of launches: arithmetic and bytes of each kernel, over what an H200 reaches of both."""

from __future__ import annotations

from typing import Any

PRODUCTS_PER_S = 780e12
"""Operations a second of large matrix products in bfloat16 on an H200."""
COPIED_BYTES_PER_S = 4.3e12
"""Bytes a second, read and written, of large copies there."""
LAUNCH_MS = 0.002
"""Milliseconds that a launch inside a graph takes when it does nothing."""

# Multiplications and additions for each pixel and side that the network needs, padding left out.
_CHANNELS = 98
_ATTENTION = 2.0 * (3 * _CHANNELS**2 + 2 * 64 * _CHANNELS)
_DEPTHWISE = 2.0 * 25 * _CHANNELS
_PRODUCTS = 2.0 * (_CHANNELS**2 + 2 * _CHANNELS * 2 * _CHANNELS)
_BY_PIXEL = {
    "attend": _ATTENTION,
    "attend_many": _ATTENTION,
    "finish": _DEPTHWISE + _PRODUCTS,
    "add_local": _DEPTHWISE,
    "chain": _PRODUCTS,
    "encode": 2.0 * 9 * 32 * (2 + 34 + 66),
    "draw": 2.0 * 9 * (64 * 32 + 32 * 16 + 16),
}


def operations_of(kernel: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> float:
    """Multiplications and additions of a launch; 0 for statistics.

    Args:
        kernel: its name.
        arguments: of the launch; the first is the map that it reads.
        options: its constants.
    """
    source = arguments[0]
    if kernel == "convolve":
        images, height, width = source.shape[:3]
        return 2.0 * arguments[2].numel() * images * height * width
    if kernel == "chain":
        # One side of the maps' [sides, ...].
        return _BY_PIXEL[kernel] * source[0].numel() / options["CHANNELS"]
    if kernel not in _BY_PIXEL:
        return 0.0
    sides = source.numel() / options["CHANNELS"]
    if options.get("SIDES") == 1 or options.get("SHARED_QUERY") is False:
        sides /= source.shape[0]
    return _BY_PIXEL[kernel] * sides


def floor_ms(operations: float, moved_bytes: float) -> float:
    """Least milliseconds: whichever of arithmetic and bytes takes longer, and the launch."""
    return LAUNCH_MS + 1e3 * max(operations / PRODUCTS_PER_S, moved_bytes / COPIED_BYTES_PER_S)
