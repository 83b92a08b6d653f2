"""Maps from one picture to another, and looking pictures up by them."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.reference.results import TensorPair, deliver
from cuda_kernels.reference.thermal import normalise


def project(visible_from_thermal: Tensor, places: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Thermal places of visible places, for a plane that both cameras see.

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
    return deliver((rays[:, :2] / depth).masked_fill(behind, torch.nan), out, torch.float64)


def homography_maps(
    visible_from_thermal: Tensor, size: tuple[int, int], *, out: TensorPair | None = None
) -> TensorPair:
    """Maps from visible pixels to thermal places, for lenses without distortion.

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
        deliver(places[..., 0], map_x_out, torch.float32),
        deliver(places[..., 1], map_y_out, torch.float32),
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
    left, right, across = neighbours(map_x, width)
    top, bottom, down = neighbours(map_y, height)
    pixels = thermal.reshape(-1)
    upper = torch.lerp(pixels[top * width + left], pixels[top * width + right], across)
    lower = torch.lerp(pixels[bottom * width + left], pixels[bottom * width + right], across)
    warped = torch.lerp(upper, lower, down).masked_fill(nowhere, 0.0)
    warped_out, valid_out = out or (None, None)
    return deliver(warped, warped_out, torch.float32), deliver(valid, valid_out, torch.bool)


def remap_normalise(
    counts: Tensor, map_x: Tensor, map_y: Tensor, span: Tensor, *, out: TensorPair | None = None
) -> TensorPair:
    """Thermal counts, looked up on the visible grid, as brightness: `normalise` of `warp` in one pass.

    Args:
        counts: [Ht, Wt] uint8, uint16 or float32.
        map_x: [H, W] float32, thermal pixels from the left, NaN for nowhere.
        map_y: [H, W] float32, thermal pixels from the top, NaN for nowhere.
        span: [2] float32, the counts that become 0 and 1; the first may be the greater one.
        out: [H, W] float32 and [H, W] bool to write into.

    Returns:
        brightness [H, W] float32 in 0..1, and valid [H, W] bool as of `warp`.
    """
    warped, valid = warp(counts.to(torch.float32), map_x, map_y)
    brightness_out, valid_out = out or (None, None)
    return normalise(warped, span, out=brightness_out), deliver(valid, valid_out, torch.bool)


def neighbours(place: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The two pixels beside each place, held to the border, and how far it lies past the first."""
    inside = place.nan_to_num(nan=0.0).clamp(0, size - 1)
    before = inside.floor()
    after = (before + 1).clamp(max=size - 1)
    return before.to(torch.int64), after.to(torch.int64), inside - before
