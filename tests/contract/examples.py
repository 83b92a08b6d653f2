"""Arguments for every operation: ordinary ones of any size, and special ones."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from cuda_kernels.contract import Array, Operation

Sizes = dict[str, int]

SIZES: Sizes = {"height": 6, "width": 9, "thermal_height": 5, "thermal_width": 4, "places": 11, "points": 70}
# One pixel, one row, one column, odd sizes, several blocks of threads.
MANY_SIZES = (
    SIZES,
    SIZES | {"height": 1, "width": 1, "thermal_height": 1, "thermal_width": 1},
    SIZES | {"height": 1, "width": 37, "thermal_height": 1, "thermal_width": 29},
    SIZES | {"height": 41, "width": 1, "thermal_height": 23, "thermal_width": 1},
    SIZES | {"height": 33, "width": 31, "thermal_height": 19, "thermal_width": 27},
    SIZES | {"height": 48, "width": 64, "thermal_height": 64, "thermal_width": 80},
)


def settings_of(operation: Operation, sizes: Sizes = SIZES) -> dict[str, Any]:
    """Arguments that are no tensors."""
    settings: dict[str, dict[str, Any]] = {
        "percentiles": {"low": 1.0, "high": 99.0},
        "enhance": {"gain": 3.0},
        "plateau_curve": {"plateau": 0.5},
        "tile_curves": {"contrast": 2.5},
        "homography_maps": {"size": (sizes["width"], sizes["height"])},
        "to_network_input": {"dtype": torch.float32},
        "counts_from_gray": {"shift": 2},
        "checkerboard": {"square_px": 4},
    }
    return settings.get(operation.name, {})


def shape_of(array: Array, sizes: Sizes = SIZES) -> tuple[int, ...]:
    """An array's shape in numbers."""
    derived = {
        "chroma_height": (sizes["height"] + 1) // 2,
        "chroma_width": (sizes["width"] + 1) // 2,
        "three_widths": 3 * sizes["width"],
        "bad": min(5, sizes["height"] * sizes["width"]),
    }
    return tuple((sizes | derived)[size] if isinstance(size, str) else size for size in array.shape)


def example(array: Array, dtype: torch.dtype, sizes: Sizes = SIZES) -> Tensor:
    """Random values in the range of the array."""
    generator = torch.Generator().manual_seed(zlib.crc32(f"{array.name} {sizes}".encode()))
    random = torch.rand(shape_of(array, sizes), generator=generator)
    if array.name == "visible_from_thermal":
        return torch.tensor([[2, 0.1, 1], [0, 2, 1], [0, 0, 1]], dtype=dtype)
    if array.shape == (2,):
        return torch.tensor([20.0, 200.0]) + random
    if dtype.is_floating_point and array.values.startswith("0..1"):
        return random
    if dtype == torch.int32:
        return (random * sizes["height"] * sizes["width"]).to(dtype) if random.ndim > 1 else bad_pixels(sizes)
    if array.name == "matrix":
        return torch.tensor([[1.16, 0, 1.6, -222], [1.16, -0.39, -0.81, 135], [1.16, 2.02, 0, -277]]) + random
    if array.name in ("map_x", "map_y"):
        return random * 1.4 * sizes["thermal_width" if array.name == "map_x" else "thermal_height"] - 2
    return (random * 255).to(dtype)


def bad_pixels(sizes: Sizes) -> Tensor:
    """A few pixels, each once."""
    pixels = sizes["height"] * sizes["width"]
    return torch.randperm(pixels, generator=torch.Generator().manual_seed(pixels))[:5].to(torch.int32)


def arguments_of(
    operation: Operation, dtype: torch.dtype, sizes: Sizes = SIZES, device: torch.device | str = "cpu"
) -> dict[str, Tensor]:
    """Arguments of an operation, the first one in `dtype`."""
    first, *others = operation.arguments
    arguments = {first.name: example(first, dtype, sizes)} | {
        array.name: example(array, dtype if array.dtypes == first.dtypes else array.dtypes[0], sizes)
        for array in others
    }
    return {name: tensor.to(device) for name, tensor in arguments.items()}


def results_of(returned: Any) -> tuple[Tensor, ...]:
    """Results as a tuple, also where there is one."""
    return returned if isinstance(returned, tuple) else (returned,)


def blank(array: Array, sizes: Sizes = SIZES, device: torch.device | str = "cpu") -> Tensor:
    """Memory for a result, poisoned: what an operation leaves out shows."""
    return torch.full(shape_of(array, sizes), 77, dtype=array.dtypes[0], device=device)


def special_cases() -> Iterator[tuple[str, str, dict[str, Tensor], dict[str, Any]]]:
    """Examples in which every operation is tried: name, operation, arguments, settings."""
    nan, inf = float("nan"), float("inf")
    span = torch.tensor([20.0, 200.0])
    flat = torch.full((3, 5), 900, dtype=torch.int32).to(torch.uint16)
    odd = torch.tensor([[nan, inf, -inf], [-7.0, 70000.0, 0.5], [1.5, 2.5, 65535.0]])
    whole = {"low": 0.0, "high": 100.0}
    yield "thermal without contrast", "percentiles", {"counts": flat}, whole
    yield "thermal without contrast, 8 bits", "percentiles", {"counts": flat.to(torch.uint8)}, whole
    yield "numbers that are none", "percentiles", {"counts": odd}, whole
    yield "no number at all", "percentiles", {"counts": torch.full((4, 4), nan)}, whole
    yield "the extremes", "percentiles", {"counts": extremes()}, {"low": 50.0, "high": 50.1}
    yield "one pixel", "percentiles", {"counts": flat[:1, :1].contiguous()}, {"low": 1.0, "high": 99.0}
    for name, low, high in (("empty", 5.0, 5.0), ("reversed", 9.0, 5.0), ("nan", nan, 5.0)):
        yield f"span {name}", "normalise", {"counts": flat, "span": torch.tensor([low, high])}, {}
    yield "counts that are no numbers", "normalise", {"counts": odd, "span": span}, {}
    nowhere = torch.full((2, 3), nan)
    places = torch.tensor([[-0.001, 0.0, 2.0], [2.001, inf, -inf]])
    for name, map_x, map_y in (
        ("nan", nowhere, nowhere),
        ("half nan", nowhere, places),
        ("edges", places, places),
    ):
        maps = {"map_x": map_x, "map_y": map_y}
        yield f"maps {name}", "warp", {"thermal": odd.nan_to_num(0, 9, -9), **maps}, {}
        yield (
            f"maps {name} of counts",
            "remap_normalise",
            {"counts": odd.nan_to_num(0, 9, -9), **maps, "span": span},
            {},
        )
    luma, ends = torch.tensor([[0.0, 100.0, 255.0]]), torch.tensor([[0.0, 1.0, 0.5]])
    yield "coverage at its ends", "blend_by_coverage", {"luma": luma, "fused": ends, "coverage": ends}, {}
    yield (
        "halves",
        "to_gray8",
        {"brightness": torch.tensor([[0.5, 1.5, 2.5]]) / 255, "coverage": ends * 0 + 1},
        {},
    )
    far = torch.tensor([[-300.0, 300.0, 127.5]])
    yield "colours out of range", "merge", {"luma": luma, "cb": far, "cr": -far}, {}
    neutral = torch.full((1, 3), 128.0)
    chroma = {"cb1": neutral, "cr1": luma, "cb2": neutral, "cr2": neutral}
    yield "neutral colours", "blend_chroma", chroma, {}
    for weight in (0.0, 1.0):
        ema_weight = torch.tensor([weight])
        spans = {"measured": span, "previous": torch.tensor([-3.0, 65535.0])}
        yield f"weight {weight:g}", "damp_span", {**spans, "ema_weight": ema_weight}, {}
        yield f"weight {weight:g} of curves", "ema", {**spans, "ema_weight": ema_weight}, {}
    for name, measured in (
        ("hot", [20.0, 65535.0]),
        ("cold", [-65535.0, 199.0]),
        ("elsewhere", [300.0, 400.0]),
        ("touching", [200.0, 400.0]),
        ("flat", [90.0, 90.0]),
    ):
        spans = {"measured": torch.tensor(measured), "previous": span}
        yield f"span that is {name}", "damp_span", {**spans, "ema_weight": torch.tensor([0.9])}, {}
    flat_span = {"measured": span, "previous": torch.tensor([7.0, 7.0])}
    yield "span after a flat scene", "damp_span", {**flat_span, "ema_weight": torch.tensor([0.9])}, {}
    yield from equalising_cases(flat, odd, span)


def equalising_cases(flat: Tensor, odd: Tensor, span: Tensor) -> Iterator[Any]:
    """As `special_cases`, of histogram equalisation and detail."""
    ramp = torch.linspace(0, 1, 1 << 16)
    yield "curve without contrast", "plateau_curve", {"counts": flat}, {"plateau": 1.0}
    yield "curve of no number", "plateau_curve", {"counts": odd[:1, :1].contiguous()}, {"plateau": 1.0}
    yield "curve of extremes", "plateau_curve", {"counts": extremes()}, {"plateau": 0.0}
    yield "curve without a limit", "plateau_curve", {"counts": extremes()}, {"plateau": 100.0}
    yield "curve at no number", "equalise", {"counts": odd, "curve": ramp}, {}
    yield "curve at its ends", "equalise", {"counts": extremes(), "curve": ramp}, {}
    for name, ends in (("empty", [900.0, 900.0]), ("black-hot", [1000.0, 800.0])):
        at = {"counts": flat, "span": torch.tensor(ends)}
        yield f"tiles of a span that is {name}", "tile_curves", at, {"contrast": 1.0}
        yield f"detail of a span that is {name}", "enhance", at, {"gain": 4.0}
        curves = torch.linspace(0, 1, 256).repeat(64, 1)
        yield f"equalised by a span that is {name}", "equalise_tiles", {**at, "curves": curves}, {}
    noise = torch.randint(0, 1 << 16, (21, 17), generator=torch.Generator().manual_seed(3), dtype=torch.int32)
    wide = {"counts": noise.to(torch.uint16), "span": torch.tensor([0.0, 65535.0])}
    yield "details of the largest counts", "enhance", wide, {"gain": 0.0}
    yield "tiles of the largest counts", "tile_curves", wide, {"contrast": 3.0}
    places, sources = torch.tensor([0], dtype=torch.int32), torch.full((1, 4), 3, dtype=torch.int32)
    yield (
        "bad pixels among the largest counts",
        "replace_bad_pixels",
        {"counts": extremes(), "places": places, "sources": sources},
        {},
    )


def extremes() -> Tensor:
    """[2, 4] uint16 at both ends of the range."""
    return torch.tensor([[0, 0, 65535, 65535], [1, 65534, 0, 65535]], dtype=torch.int32).to(torch.uint16)
