"""Array operations on frames in plain torch: the specification of every kernel, and the CPU path.

Each function is stateless, works where its arguments live, never waits for the device, and writes into
`out=` when it is given. `cuda_kernels.contract` lists shapes, dtypes, ranges and edge rules in one table. One
file a family, as the kernels in `cuda_kernels/src`.
"""

from cuda_kernels.reference.colour import (
    CB_ROW,
    CR_ROW,
    LUMA_ROW,
    blend_by_coverage,
    blend_chroma,
    chroma,
    luma,
    merge,
)
from cuda_kernels.reference.detail import enhance
from cuda_kernels.reference.equalise import ema, equalise, equalise_tiles, plateau_curve, tile_curves
from cuda_kernels.reference.formats import (
    TensorTriple,
    counts_from_gray,
    merge_nv12,
    merge_yuv420p,
    rgb_from_bgr,
    rgb_from_nv12,
    rgb_from_yuv420p,
)
from cuda_kernels.reference.geometry import homography_maps, project, remap_normalise, warp
from cuda_kernels.reference.network import to_network_input
from cuda_kernels.reference.results import TensorPair
from cuda_kernels.reference.thermal import damp_span, normalise, percentiles, replace_bad_pixels, to_gray8
from cuda_kernels.reference.views import checkerboard, colour_map, side_by_side

__all__ = [
    "CB_ROW",
    "CR_ROW",
    "LUMA_ROW",
    "TensorPair",
    "TensorTriple",
    "blend_by_coverage",
    "blend_chroma",
    "checkerboard",
    "chroma",
    "colour_map",
    "counts_from_gray",
    "damp_span",
    "ema",
    "enhance",
    "equalise",
    "equalise_tiles",
    "homography_maps",
    "luma",
    "merge",
    "merge_nv12",
    "merge_yuv420p",
    "normalise",
    "percentiles",
    "plateau_curve",
    "project",
    "remap_normalise",
    "replace_bad_pixels",
    "rgb_from_bgr",
    "rgb_from_nv12",
    "rgb_from_yuv420p",
    "side_by_side",
    "tile_curves",
    "to_gray8",
    "to_network_input",
    "warp",
]
