"""What each array operation takes and gives: one table, and a check against it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Dimension = int | str


@dataclass(frozen=True, slots=True)
class Array:
    """One tensor argument or result.

    Attributes:
        name: keyword of the argument.
        shape: sizes; a word stands for any size, the same wherever the word recurs in an operation.
        dtypes: those that are allowed.
        values: range and meaning, for people; not checked, since looking would wait for the device.
    """

    name: str
    shape: tuple[Dimension, ...]
    dtypes: tuple[torch.dtype, ...]
    values: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One array operation of `reference.py` and of every other back end.

    Attributes:
        name: of the function.
        arguments: tensors that it reads; none may overlap a result.
        results: tensors that it returns, and takes as `out=` (a tuple where there are two).
        edge: what happens at borders, ties and special numbers.
        at_setup: True for what runs once, before the first frame, and exists in torch only.
        band: largest difference of another back end from the reference in float32, 0 for none at all. Only
            interpolation has one: torch contracts it to fused multiply-adds in some of its code and not in
            other, so its own last bit depends on where in a tensor a number lies.
    """

    name: str
    arguments: tuple[Array, ...]
    results: tuple[Array, ...]
    edge: str
    at_setup: bool = False
    band: float = 0.0


_PLANE = ("height", "width")
_THERMAL = ("thermal_height", "thermal_width")
_FLOAT = (torch.float32,)
_DOUBLE = (torch.float64,)
_NETWORK = (torch.float32, torch.float16, torch.bfloat16)
_MATRIX = Array("visible_from_thermal", (3, 3), _DOUBLE, "invertible")
_RGB = Array("rgb", (*_PLANE, 3), (torch.uint8,), "0..255")
_COUNTS = Array("counts", _PLANE, (torch.uint8, torch.uint16, torch.float32), "0..65535, raw counts")
_SPAN = Array("span", (2,), _FLOAT, "low and high count")
_COVERAGE = Array("coverage", _PLANE, _FLOAT, "0..1, 1 where the thermal camera sees")
_MAPS = (
    Array("map_x", _PLANE, _FLOAT, "thermal pixels, NaN for nowhere"),
    Array("map_y", _PLANE, _FLOAT, "thermal pixels, NaN for nowhere"),
)
_VALID = Array("valid", _PLANE, (torch.bool,), "place lies inside")


def _plane(name: str, values: str) -> Array:
    return Array(name, _PLANE, _FLOAT, values)


_TABLE = (
    Operation(
        "luma",
        (_RGB,),
        (_plane("luma", "whole numbers in 0..255"),),
        "float64 sum from left to right, truncated",
    ),
    Operation(
        "chroma",
        (_RGB,),
        (_plane("cb", "-127.5..127.5"), _plane("cr", "-127.5..127.5")),
        "no offset, no rounding",
    ),
    Operation(
        "merge",
        (_plane("luma", "0..255"), _plane("cb", "-128..128"), _plane("cr", "-128..128")),
        (_RGB,),
        "clipped to 0..255, rounded half to even",
    ),
    Operation(
        "blend_chroma",
        tuple(_plane(name, "-128..128") for name in ("cb1", "cr1", "cb2", "cr2")),
        (_plane("cb", "-128..128"), _plane("cr", "-128..128")),
        "128 where both inputs are exactly 128",
    ),
    Operation(
        "cover",
        (_plane("luma", "0..255"), _plane("fused", "0..1"), _COVERAGE),
        (_plane("covered", "0..255"),),
        "torch.lerp: exact where coverage is 0 or 1",
        band=1e-4,
    ),
    Operation(
        "percentiles",
        (_COUNTS,),
        (_SPAN,),
        "floats rounded half to even and clipped to 0..65535, NaN left out, (0, 0) without a number",
    ),
    Operation(
        "normalise",
        (_COUNTS, _SPAN),
        (_plane("brightness", "0..1"),),
        "0 for NaN and for an empty span",
    ),
    Operation(
        "damp",
        (
            Array("measured", (2,), _FLOAT, "low and high count"),
            Array("previous", (2,), _FLOAT, "low and high count"),
            Array("keep", (1,), _FLOAT, "0..1"),
        ),
        (_SPAN,),
        "torch.lerp: exact where keep is 0 or 1",
        band=0.02,
    ),
    Operation(
        "shade",
        (_plane("brightness", "0..1"), _COVERAGE),
        (Array("shaded", _PLANE, (torch.uint8,), "0..255"),),
        "rounded half to even",
    ),
    Operation(
        "project",
        (_MATRIX, Array("places", ("places", 2), _DOUBLE, "visible pixels")),
        (Array("projected", ("places", 2), _DOUBLE, "thermal pixels"),),
        "NaN where the plane lies behind the camera",
        at_setup=True,
    ),
    Operation(
        "homography_maps",
        (_MATRIX,),
        (_plane("map_x", "thermal pixels"), _plane("map_y", "thermal pixels")),
        "NaN where the plane lies behind the camera",
        at_setup=True,
    ),
    Operation(
        "warp",
        (
            Array("thermal", _THERMAL, _FLOAT, "any"),
            *_MAPS,
        ),
        (_plane("warped", "as thermal"), _VALID),
        "nearest border pixel outside, 0 at NaN, both invalid",
        band=0.05,
    ),
    Operation(
        "gather",
        (Array("counts", _THERMAL, _COUNTS.dtypes, _COUNTS.values), *_MAPS, _SPAN),
        (_plane("brightness", "0..1"), _VALID),
        "normalise of warp: nearest border pixel outside, 0 at NaN, both invalid",
        band=1e-4,
    ),
    Operation(
        "pack",
        (_plane("luma", "0..255"), _plane("brightness", "0..1"), _COVERAGE),
        (Array("visible", _PLANE, _NETWORK, "0..1"), Array("thermal", _PLANE, _NETWORK, "0..1")),
        "computed in float32, then rounded half to even",
        band=1e-6,
    ),
)

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _TABLE}


def check(name: str, **tensors: Tensor) -> None:
    """Check the arguments of an operation, and those results that are given, against the table.

    Only shapes, dtypes and devices are looked at, so nothing waits for the device.

    Args:
        name: of the operation.
        **tensors: every argument, and any result by its name in the table (an `out=` tensor).

    Raises:
        ValueError: one sentence on the first thing that is wrong.
    """
    if name not in OPERATIONS:
        raise ValueError(f"there is no operation {name!r}; there are {', '.join(OPERATIONS)}")
    operation = OPERATIONS[name]
    arrays = {array.name: array for array in (*operation.results, *operation.arguments)}
    _check_names(operation, arrays, tensors)
    sizes: dict[str, int] = {}
    for array in arrays.values():
        if array.name in tensors:
            _check_dtype(name, array, tensors[array.name])
            _check_shape(name, array, tensors[array.name], sizes)
    _check_devices(name, tensors)


def _check_names(operation: Operation, arrays: dict[str, Array], tensors: dict[str, Tensor]) -> None:
    missing = [array.name for array in operation.arguments if array.name not in tensors]
    unknown = [name for name in tensors if name not in arrays]
    if missing:
        raise ValueError(f"{operation.name} needs {', '.join(missing)}")
    if unknown:
        raise ValueError(f"{operation.name} knows {', '.join(arrays)}, got {', '.join(unknown)}")


def _check_dtype(name: str, array: Array, tensor: Tensor) -> None:
    if tensor.dtype not in array.dtypes:
        allowed = " or ".join(_bare(dtype) for dtype in array.dtypes)
        raise ValueError(f"{array.name} of {name} must be {allowed}, got {_bare(tensor.dtype)}")


def _check_shape(name: str, array: Array, tensor: Tensor, sizes: dict[str, int]) -> None:
    expected = f"[{', '.join(str(size) for size in array.shape)}]"
    got = tuple(tensor.shape)
    if len(got) != len(array.shape):
        raise ValueError(f"{array.name} of {name} must have the shape {expected}, got {list(got)}")
    for wanted, size in zip(array.shape, got, strict=True):
        if isinstance(wanted, str):
            wanted = sizes.setdefault(wanted, size)
        if size != wanted or size == 0:
            known = "".join(f", {word} {value}" for word, value in sizes.items())
            raise ValueError(f"{array.name} of {name} must have the shape {expected}{known}, got {list(got)}")


def _check_devices(name: str, tensors: dict[str, Tensor]) -> None:
    devices = sorted({str(tensor.device) for tensor in tensors.values()})
    if len(devices) > 1:
        raise ValueError(f"the tensors of {name} must be on one device, got {' and '.join(devices)}")


def _bare(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
