"""Array operations on frames in plain torch: the specification of every kernel, and the CPU path.

Each function is stateless, works where its arguments live, never waits for the device, and writes into
`out=` when it is given. `contract.py` lists shapes, dtypes, ranges and edge rules in one table.
"""

from __future__ import annotations

import torch
from torch import Tensor

LUMA_ROW = (0.299, 0.587, 0.114)
CB_ROW = (-0.169, -0.331, 0.5)
CR_ROW = (0.5, -0.419, -0.081)
COUNTS = 1 << 16

TensorPair = tuple[Tensor, Tensor]


def luma(rgb: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Brightness of each pixel as whole numbers, as the published code feeds it to the network.

    0.299 R + 0.587 G + 0.114 B, summed from left to right in float64, clipped to 0..255 and truncated.
    float64 because a truncated sum jumps a whole level where rounding lands just below an integer.

    Args:
        rgb: [H, W, 3] uint8.
        out: [H, W] float32 to write into.

    Returns:
        [H, W] float32, whole numbers in 0..255.
    """
    return _deliver(_weighted_sum(rgb, LUMA_ROW).clamp(0, 255).trunc(), out, torch.float32)


def chroma(rgb: Tensor, *, out: TensorPair | None = None) -> TensorPair:
    """Colour differences of each pixel, with the published rows and no offset of 128.

    Args:
        rgb: [H, W, 3] uint8.
        out: two [H, W] float32 to write into.

    Returns:
        cb and cr, each [H, W] float32 in -127.5..127.5, 0 for grey.
    """
    cb_out, cr_out = out or (None, None)
    cb = _deliver(_weighted_sum(rgb, CB_ROW), cb_out, torch.float32)
    cr = _deliver(_weighted_sum(rgb, CR_ROW), cr_out, torch.float32)
    return cb, cr


def merge(luma: Tensor, cb: Tensor, cr: Tensor, *, out: Tensor | None = None) -> Tensor:
    """RGB picture of a brightness and two colour differences, with the published inverse.

    R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb, clipped to 0..255 and rounded
    half to even.

    Args:
        luma: [H, W] float32 in 0..255; need not be whole.
        cb: [H, W] float32.
        cr: [H, W] float32.
        out: [H, W, 3] uint8 to write into.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    red = luma + 1.402 * cr
    green = luma - 0.344136 * cb - 0.714136 * cr
    blue = luma + 1.772 * cb
    rgb = torch.stack((red, green, blue), dim=-1)
    return _deliver(rgb.clamp(0, 255).round(), out, torch.uint8)


def blend_chroma(
    cb1: Tensor, cr1: Tensor, cb2: Tensor, cr2: Tensor, *, out: TensorPair | None = None
) -> TensorPair:
    """Colour of two colour inputs: each component weighted by its distance from 128, as published.

    The published colour differences carry no offset, so their neutral value is 0, yet its rule measures
    the distance from 128. That is kept, because results shall equal the published ones.

    Args:
        cb1: [H, W] float32 of the first input.
        cr1: [H, W] float32 of the first input.
        cb2: [H, W] float32 of the second input.
        cr2: [H, W] float32 of the second input.
        out: two [H, W] float32 to write into.

    Returns:
        cb and cr, each [H, W] float32; 128 where both inputs are exactly 128.
    """
    cb_out, cr_out = out or (None, None)
    cb = _deliver(_distance_weighted(cb1, cb2), cb_out, torch.float32)
    cr = _deliver(_distance_weighted(cr1, cr2), cr_out, torch.float32)
    return cb, cr


def percentiles(counts: Tensor, low: float, high: float, *, out: Tensor | None = None) -> Tensor:
    """Two percentiles of raw counts from their histogram, exact on whole numbers.

    The p-th percentile is the smallest count that at least p % of the pixels do not exceed (the inverse of
    the empirical distribution); 0 gives the minimum and 100 the maximum.

    Args:
        counts: [H, W] uint8 or uint16, or float32 (rounded half to even, clipped to 0..65535; NaN pixels
            are left out).
        low: percentile in 0..100.
        high: percentile in 0..100.
        out: [2] float32 to write into.

    Returns:
        [2] float32: the low and the high percentile, both 0 where no pixel is a number.
    """
    cumulative = torch.cumsum(_histogram(counts), dim=0)
    shares = torch.tensor((low / 100, high / 100), dtype=torch.float64, device=counts.device)
    # The small term keeps a product that should be whole from reaching the next rank by rounding.
    ranks = torch.ceil(shares * cumulative[-1] - 1e-6).clamp(min=1).to(cumulative.dtype)
    found = torch.searchsorted(cumulative, ranks)
    return _deliver(torch.where(cumulative[-1] > 0, found, 0), out, torch.float32)


def normalise(counts: Tensor, span: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Counts as brightness: 0 at and below the low end of a span, 1 at and above its high end.

    Args:
        counts: [H, W] uint8, uint16 or float32.
        span: [2] float32, low and high count.
        out: [H, W] float32 to write into.

    Returns:
        [H, W] float32 in 0..1; 0 everywhere where the span is empty, and 0 for NaN counts.
    """
    low, high = span[0], span[1]
    width = high - low
    shares = torch.where(width > 0, (counts.to(torch.float32) - low) / width, 0)
    return _deliver(shares.nan_to_num(nan=0.0).clamp(0, 1), out, torch.float32)


def project(visible_from_thermal: Tensor, places: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Where in the thermal picture visible places lie, for a plane that both cameras see.

    The inverse matrix times (x, y, 1), divided by its third component. A homography is known up to a
    factor; its sign is taken such that the middle one of the places lies before the camera.

    Args:
        visible_from_thermal: [3, 3] float64, thermal pixels to visible pixels.
        places: [N, 2] float64, x and y in visible pixels.
        out: [N, 2] float64 to write into.

    Returns:
        [N, 2] float64, x and y in thermal pixels; NaN where the plane lies behind the camera.
    """
    thermal_from_visible = torch.linalg.inv(visible_from_thermal)
    rays = torch.nn.functional.pad(places, (0, 1), value=1.0) @ thermal_from_visible.T
    depth = rays[:, 2:]
    behind = depth * torch.sign(depth[len(depth) // 2]) <= 0
    return _deliver((rays[:, :2] / depth).masked_fill(behind, torch.nan), out, torch.float64)


def homography_maps(
    visible_from_thermal: Tensor, size: tuple[int, int], *, out: TensorPair | None = None
) -> TensorPair:
    """Where in the thermal picture each visible pixel looks, for lenses without distortion.

    Args:
        visible_from_thermal: [3, 3] float64, thermal pixels to visible pixels.
        size: width and height of the visible picture.
        out: two [H, W] float32 to write into.

    Returns:
        map_x and map_y, each [H, W] float32 in thermal pixels; NaN where the plane lies behind the camera.
    """
    width, height = size
    device = visible_from_thermal.device
    x = torch.arange(width, dtype=torch.float64, device=device).repeat(height)
    y = torch.arange(height, dtype=torch.float64, device=device).repeat_interleave(width)
    places = project(visible_from_thermal, torch.stack((x, y), dim=1)).reshape(height, width, 2)
    map_x_out, map_y_out = out or (None, None)
    return (
        _deliver(places[..., 0], map_x_out, torch.float32),
        _deliver(places[..., 1], map_y_out, torch.float32),
    )


def warp(thermal: Tensor, map_x: Tensor, map_y: Tensor, *, out: TensorPair | None = None) -> TensorPair:
    """Bilinear look-up of the thermal picture at given places, and where those lie inside it.

    A place outside the picture takes the value of the nearest border pixel, so that no edge arises that
    the scene does not have; a NaN place takes 0. Both are marked invalid.

    Args:
        thermal: [Ht, Wt] float32.
        map_x: [H, W] float32, thermal pixels from the left, centres at whole numbers.
        map_y: [H, W] float32, thermal pixels from the top.
        out: [H, W] float32 and [H, W] bool to write into.

    Returns:
        warped [H, W] float32, and valid [H, W] bool: 0 <= map_x <= Wt - 1 and 0 <= map_y <= Ht - 1.
    """
    height, width = thermal.shape
    valid = (map_x >= 0) & (map_x <= width - 1) & (map_y >= 0) & (map_y <= height - 1)
    nowhere = torch.isnan(map_x) | torch.isnan(map_y)
    left, right, across = _neighbours(map_x, width)
    top, bottom, down = _neighbours(map_y, height)
    pixels = thermal.reshape(-1)
    upper = torch.lerp(pixels[top * width + left], pixels[top * width + right], across)
    lower = torch.lerp(pixels[bottom * width + left], pixels[bottom * width + right], across)
    warped = torch.lerp(upper, lower, down).masked_fill(nowhere, 0.0)
    warped_out, valid_out = out or (None, None)
    return _deliver(warped, warped_out, torch.float32), _deliver(valid, valid_out, torch.bool)


def _weighted_sum(rgb: Tensor, row: tuple[float, float, float]) -> Tensor:
    red, green, blue = rgb.to(torch.float64).unbind(dim=-1)
    return row[0] * red + row[1] * green + row[2] * blue


def _distance_weighted(first: Tensor, second: Tensor) -> Tensor:
    first, second = first.to(torch.float64), second.to(torch.float64)
    weight1, weight2 = (first - 128).abs(), (second - 128).abs()
    total = weight1 + weight2
    return torch.where(total == 0, 128.0, (first * weight1 + second * weight2) / total)


def _histogram(counts: Tensor) -> Tensor:
    """How often each count from 0 to 65535 occurs; int32 [65536]; NaN counts nowhere."""
    numbers = torch.ones_like(counts, dtype=torch.int32)
    if counts.is_floating_point():
        numbers = (~torch.isnan(counts)).to(torch.int32)
        counts = counts.nan_to_num(nan=0.0).round().clamp(0, COUNTS - 1)
    histogram = torch.zeros(COUNTS, dtype=torch.int32, device=counts.device)
    return histogram.index_add_(0, counts.reshape(-1).to(torch.int64), numbers.reshape(-1))


def _neighbours(place: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The two pixels beside each place, held to the border, and how far it lies past the first."""
    inside = place.nan_to_num(nan=0.0).clamp(0, size - 1)
    before = inside.floor()
    after = (before + 1).clamp(max=size - 1)
    return before.to(torch.int64), after.to(torch.int64), inside - before


def _deliver(result: Tensor, out: Tensor | None, dtype: torch.dtype) -> Tensor:
    return result.to(dtype) if out is None else out.copy_(result)
