"""Array operations on frames in plain torch: the specification of every kernel, and the CPU path.

Each function is stateless, works where its arguments live, never waits for the device, and writes into
`out=` when it is given. `cuda_kernels.contract` lists shapes, dtypes, ranges and edge rules in one table. One
file a family, as the kernels in `cuda_kernels/src`.
"""

from cuda_kernels.reference.colour import CB_ROW, CR_ROW, LUMA_ROW, blend_chroma, chroma, cover, luma, merge
from cuda_kernels.reference.detail import enhance
from cuda_kernels.reference.equalise import equalise, equalise_tiles, fade, plateau_curve, tile_curves
from cuda_kernels.reference.formats import (
    TensorTriple,
    counts_from_gray,
    merge_nv12,
    merge_yuv420p,
    rgb_from_bgr,
    rgb_from_nv12,
    rgb_from_yuv420p,
)
from cuda_kernels.reference.geometry import gather, homography_maps, project, warp
from cuda_kernels.reference.network import pack
from cuda_kernels.reference.results import TensorPair
from cuda_kernels.reference.thermal import damp, mend, normalise, percentiles, shade
from cuda_kernels.reference.views import checkerboard, colour_map, side_by_side

__all__ = [
    "CB_ROW",
    "CR_ROW",
    "LUMA_ROW",
    "TensorPair",
    "TensorTriple",
    "blend_chroma",
    "checkerboard",
    "chroma",
    "colour_map",
    "counts_from_gray",
    "cover",
    "damp",
    "enhance",
    "equalise",
    "equalise_tiles",
    "fade",
    "gather",
    "homography_maps",
    "luma",
    "mend",
    "merge",
    "merge_nv12",
    "merge_yuv420p",
    "normalise",
    "pack",
    "percentiles",
    "plateau_curve",
    "project",
    "rgb_from_bgr",
    "rgb_from_nv12",
    "rgb_from_yuv420p",
    "shade",
    "side_by_side",
    "tile_curves",
    "warp",
]
