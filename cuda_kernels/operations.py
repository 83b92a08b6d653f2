"""The table of operations: what each takes and gives, family by family."""

from __future__ import annotations

import torch

from cuda_kernels.operation import Array, Operation
from cuda_kernels.reference.equalise import LEVELS, TILES

_PLANE = ("height", "width")
_THERMAL = ("thermal_height", "thermal_width")
_CHROMA = ("chroma_height", "chroma_width")
_FLOAT = (torch.float32,)
_DOUBLE = (torch.float64,)
_STORED = (torch.uint8, torch.uint16)
_NETWORK = (torch.float32, torch.float16, torch.bfloat16)
_MATRIX = Array("visible_from_thermal", (3, 3), _DOUBLE, "invertible")
_BYTES = (_PLANE, (torch.uint8,), "0..255")
_RGB_LIKE = ((*_PLANE, 3), (torch.uint8,), "0..255")
_RGB = Array("rgb", *_RGB_LIKE)
_COLOURS = Array("matrix", (3, 4), _FLOAT, "an affine map of colours")
_COUNTS = Array("counts", _PLANE, (torch.uint8, torch.uint16, torch.float32), "0..65535, raw counts")
_RAW = Array("counts", _PLANE, _STORED, "0..65535, raw counts")
_SPAN = Array("span", (2,), _FLOAT, "low and high count")
_EMA_WEIGHT = Array("ema_weight", (1,), _FLOAT, "0..1")
_CURVE = Array("curve", (1 << 16,), _FLOAT, "0..1, brightness of each count")
_CURVES = Array("curves", (TILES * TILES, LEVELS), _FLOAT, "0..1, brightness of each level, tile by tile")
_COVERAGE = Array("coverage", _PLANE, _FLOAT, "0..1, 1 where the thermal camera sees")
_MAPS = (
    Array("map_x", _PLANE, _FLOAT, "thermal pixels, NaN for nowhere"),
    Array("map_y", _PLANE, _FLOAT, "thermal pixels, NaN for nowhere"),
)
_VALID = Array("valid", _PLANE, (torch.bool,), "place lies inside")


def _plane(name: str, values: str) -> Array:
    return Array(name, _PLANE, _FLOAT, values)


_LUMA_CHROMA = (_plane("luma", "0..255"), _plane("cb", "-128..128"), _plane("cr", "-128..128"))

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
        "blend_by_coverage",
        (_plane("luma", "0..255"), _plane("fused", "0..1"), _COVERAGE),
        (_plane("blended", "0..255"),),
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
        "replace_bad_pixels",
        (
            _RAW,
            Array("places", ("bad",), (torch.int32,), "bad pixels, row * width + column"),
            Array("sources", ("bad", 4), (torch.int32,), "good pixels, row * width + column"),
        ),
        (Array("replaced", _PLANE, (torch.uint16,), "raw counts"),),
        "mean of four rounded half up",
    ),
    Operation(
        "enhance",
        (_RAW, _SPAN),
        (_plane("enhanced", "raw counts, not clipped"),),
        "borders repeated; as it is where the span is empty",
        band=0.02,
    ),
    Operation(
        "plateau_curve",
        (_COUNTS,),
        (_CURVE,),
        "floats as in percentiles, 0 without a number",
    ),
    Operation(
        "tile_curves",
        (_COUNTS, _SPAN),
        (_CURVES,),
        "a straight line for a tile without pixels",
    ),
    Operation(
        "ema",
        (
            Array("measured", ("points",), _FLOAT, "0..1"),
            Array("previous", ("points",), _FLOAT, "0..1"),
            _EMA_WEIGHT,
        ),
        (Array("averaged", ("points",), _FLOAT, "0..1"),),
        "torch.lerp: exact where ema_weight is 0 or 1",
        band=1e-6,
    ),
    Operation(
        "equalise",
        (_COUNTS, _CURVE),
        (_plane("brightness", "0..1"),),
        "floats clipped to 0..65535, linear between counts, 0 for NaN",
        band=1e-6,
    ),
    Operation(
        "equalise_tiles",
        (_COUNTS, _SPAN, _CURVES),
        (_plane("brightness", "0..1"),),
        "level beyond the middles of the outermost tiles and levels",
        band=1e-5,
    ),
    Operation(
        "normalise",
        (_COUNTS, _SPAN),
        (_plane("brightness", "0..1"),),
        "0 for NaN and for an empty span; a span from high to low makes hot black",
    ),
    Operation(
        "damp_span",
        (
            Array("measured", (2,), _FLOAT, "low and high count"),
            Array("previous", (2,), _FLOAT, "low and high count"),
            _EMA_WEIGHT,
        ),
        (_SPAN,),
        "exact where ema_weight is 0 or 1",
        band=0.02,
    ),
    Operation(
        "to_gray8",
        (_plane("brightness", "0..1"), _COVERAGE),
        (Array("gray", _PLANE, (torch.uint8,), "0..255"),),
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
        "remap_normalise",
        (Array("counts", _THERMAL, _COUNTS.dtypes, _COUNTS.values), *_MAPS, _SPAN),
        (_plane("brightness", "0..1"), _VALID),
        "normalise of warp: nearest border pixel outside, 0 at NaN, both invalid",
        band=1e-4,
    ),
    Operation(
        "to_network_input",
        (_plane("luma", "0..255"), _plane("brightness", "0..1"), _COVERAGE),
        (Array("visible", _PLANE, _NETWORK, "0..1"), Array("thermal", _PLANE, _NETWORK, "0..1")),
        "computed in float32, then rounded half to even",
        band=1e-6,
    ),
    Operation(
        "rgb_from_nv12",
        (
            Array("y", _PLANE, _STORED, "as stored"),
            Array("uv", (*_CHROMA, 2), _STORED, "as stored, in the format of y"),
            _COLOURS,
        ),
        (_RGB,),
        "chroma repeated beyond its outermost samples; rounded half to even",
    ),
    Operation(
        "rgb_from_yuv420p",
        (
            Array("y", _PLANE, _STORED, "as stored"),
            Array("u", _CHROMA, _STORED, "as stored, in the format of y"),
            Array("v", _CHROMA, _STORED, "as stored, in the format of y"),
            _COLOURS,
        ),
        (_RGB,),
        "chroma repeated beyond its outermost samples; rounded half to even",
    ),
    Operation("rgb_from_bgr", (Array("bgr", *_RGB_LIKE),), (_RGB,), "exact"),
    Operation(
        "counts_from_gray",
        (Array("gray", _PLANE, _STORED, "as stored"),),
        (Array("counts", _PLANE, (torch.uint16,), "raw counts"),),
        "shifted right",
    ),
    Operation(
        "merge_nv12",
        (*_LUMA_CHROMA, _COLOURS),
        (Array("y", *_BYTES), Array("uv", (*_CHROMA, 2), (torch.uint8,), "as stored")),
        "borders repeated; rounded half to even, as RGB before and as stored after",
    ),
    Operation(
        "merge_yuv420p",
        (*_LUMA_CHROMA, _COLOURS),
        (Array("y", *_BYTES), *(Array(name, _CHROMA, (torch.uint8,), "as stored") for name in "uv")),
        "borders repeated; rounded half to even, as RGB before and as stored after",
    ),
    Operation(
        "side_by_side",
        (Array("visible", *_RGB_LIKE), Array("thermal", *_BYTES), Array("fused", *_RGB_LIKE)),
        (Array("rgb", ("height", "three_widths", 3), (torch.uint8,), "0..255"),),
        "exact",
    ),
    Operation(
        "checkerboard",
        (Array("visible", *_RGB_LIKE), Array("thermal", *_BYTES)),
        (_RGB,),
        "squares at the right and bottom are cut off",
    ),
    Operation(
        "colour_map",
        (Array("grey", *_BYTES), Array("table", (256, 3), (torch.uint8,), "RGB")),
        (_RGB,),
        "exact",
    ),
)

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _TABLE}
