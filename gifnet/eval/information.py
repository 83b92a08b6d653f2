"""Information shared by a fused picture and its sources: MI and VIF. All take [H, W] uint8 grey."""

from __future__ import annotations

import numpy as np

from gifnet.eval.filters import Array, convolve_valid, gaussian_window
from gifnet.eval.single import Grey, entropy_of_counts

_NOISE, _TINY = 2.0, 1e-10


def mutual_information(first: Grey, second: Grey) -> float:
    """Mutual information in bits, from the joint histogram of 256 x 256 grey levels."""
    joint = np.bincount(first.ravel().astype(np.int64) * 256 + second.ravel(), minlength=65536)
    counts = joint.reshape(256, 256)
    return (
        entropy_of_counts(counts.sum(axis=0))
        + entropy_of_counts(counts.sum(axis=1))
        - entropy_of_counts(joint)
    )


def sum_of_mutual_information(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """MI: summed over both sources, in bits, 0 to 16 (Qu et al. 2002). Papers in nats give 0.693 of it."""
    return mutual_information(fused, visible) + mutual_information(fused, thermal)


def visual_information_fidelity(source: Grey, fused: Grey) -> float:
    """VIF of a fused picture against one source, pixel domain, four scales (Sheikh and Bovik 2006).

    Returns:
        0 and above; 1 for equal pictures, above 1 where contrast rose. 1 for a flat source.
    """
    reference, distorted = source.astype(np.float64), fused.astype(np.float64)
    kept = whole = 0.0
    for size in (17, 9, 5, 3):
        window = gaussian_window(size, size / 5)
        if size < 17:
            reference = convolve_valid(reference, window)[::2, ::2]
            distorted = convolve_valid(distorted, window)[::2, ::2]
        if min(reference.shape) < size:
            break
        more_kept, more_whole = _information(reference, distorted, window)
        kept, whole = kept + more_kept, whole + more_whole
    return kept / whole if whole > 0 else 1.0


def sum_of_vif(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """VIF: summed over both sources, 0 and above."""
    return visual_information_fidelity(visible, fused) + visual_information_fidelity(thermal, fused)


def _information(reference: Array, distorted: Array, window: Array) -> tuple[float, float]:
    """Information about the reference at one scale, in the distorted picture and in the reference."""
    mean_one, mean_other = convolve_valid(reference, window), convolve_valid(distorted, window)
    variance = np.maximum(convolve_valid(reference**2, window) - mean_one**2, 0)
    other_variance = np.maximum(convolve_valid(distorted**2, window) - mean_other**2, 0)
    covariance = convolve_valid(reference * distorted, window) - mean_one * mean_other
    gain = covariance / (variance + _TINY)
    residue = other_variance - gain * covariance
    flat, other_flat = variance < _TINY, other_variance < _TINY
    gain[flat], residue[flat], variance[flat] = 0, other_variance[flat], 0
    gain[other_flat], residue[other_flat] = 0, 0
    against = gain < 0
    residue[against], gain[against] = other_variance[against], 0
    residue = np.maximum(residue, _TINY)
    kept = np.sum(np.log2(1 + gain**2 * variance / (residue + _NOISE)))
    return float(kept), float(np.sum(np.log2(1 + variance / _NOISE)))
