"""Array operations on frames in plain torch: the specification of every kernel, and the CPU path.

Each function is stateless, works where its arguments live, never waits for the device, and writes into
`out=` when it is given. `cuda_kernels.contract` lists shapes, dtypes, ranges and edge rules in one table. One
file a family, as the kernels in `cuda_kernels/src`.
"""

from cuda_kernels.reference.colour import CB_ROW, CR_ROW, LUMA_ROW, blend_chroma, chroma, cover, luma, merge
from cuda_kernels.reference.geometry import gather, homography_maps, project, warp
from cuda_kernels.reference.network import pack
from cuda_kernels.reference.results import TensorPair
from cuda_kernels.reference.thermal import damp, normalise, percentiles, shade

__all__ = [
    "CB_ROW",
    "CR_ROW",
    "LUMA_ROW",
    "TensorPair",
    "blend_chroma",
    "chroma",
    "cover",
    "damp",
    "gather",
    "homography_maps",
    "luma",
    "merge",
    "normalise",
    "pack",
    "percentiles",
    "project",
    "shade",
    "warp",
]
