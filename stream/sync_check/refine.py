"""Refines the shift between two similar signals, with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream.sync_check.motion import Numbers

STEPS = 12
LARGEST_STEP_S = 0.02
DONE_S = 1e-6
LEAST_OVERLAP_S = 2.0
# The recording is cut into blocks of about this length, which tell independently of each other.
BLOCK_S = 2.0
FEWEST_BLOCKS, MOST_BLOCKS = 5, 15


@dataclass(frozen=True, slots=True)
class Alignment:
    """Lag of the second signal against the first.

    Attributes:
        offset_s: the second comes later by so much, in the middle of the first.
        offset_error_s: its standard error.
        drift: growth of the offset, in seconds a second; 0 where it is not asked for.
        drift_error: its standard error.
    """

    offset_s: float
    offset_error_s: float
    drift: float = 0.0
    drift_error: float = 0.0


def align(
    first: Numbers, second: Numbers, step_s: float, offset_s: float, with_drift: bool = False
) -> Alignment | None:
    """Find the shift, and on demand its growth, at which the correlation of two signals is highest.

    Newton's method on the correlation. The errors come from how much blocks of the signals pull apart (the
    sandwich estimator for clusters: K.-Y. Liang and S. L. Zeger, "Longitudinal data analysis using
    generalized linear models", 1986).

    Args:
        first: on an even grid; NaN where nothing is known.
        second: on the same grid.
        step_s: of the grid.
        offset_s: where to begin, within the width of the peak.
        with_drift: let the offset grow over time.

    Returns:
        The alignment; None when there is no peak near.
    """
    times_s = np.arange(len(first)) * step_s
    late_s = times_s - times_s.mean()
    ways = np.stack((np.ones_like(late_s), late_s), axis=1)[:, : 2 if with_drift else 1]
    slopes = np.gradient(first, step_s)
    grid_s, known = np.arange(len(second)) * step_s, ~np.isnan(second)
    found = np.zeros(ways.shape[1])
    found[0] = offset_s
    for _ in range(STEPS):
        places_s = times_s + ways @ found
        inside = (places_s > grid_s[known][0]) & (places_s < grid_s[-1]) & ~np.isnan(slopes)
        if inside.sum() * step_s < LEAST_OVERLAP_S:
            return None
        moved = np.interp(places_s[inside], grid_s[known], second[known])
        left = first[inside] - first[inside].mean() - (moved - moved.mean())
        pulls = np.gradient(moved, step_s)[:, None] * ways[inside]
        curvature = pulls.T @ (slopes[inside][:, None] * ways[inside])
        if np.linalg.eigvalsh(curvature + curvature.T)[0] <= 0:
            return None
        change = np.linalg.solve(curvature, pulls.T @ left)
        found += change * min(1.0, LARGEST_STEP_S / max(abs(float(change[0])), 1e-12))
        if abs(change[0]) < DONE_S:
            break
    errors = _errors(pulls * left[:, None], curvature, len(left) * step_s)
    return Alignment(*(float(value) for pair in zip(found, errors, strict=True) for value in pair))


def _errors(pulls: Numbers, curvature: Numbers, lasts_s: float) -> Numbers:
    """Standard errors from how blocks pull."""
    count = int(np.clip(lasts_s / BLOCK_S, FEWEST_BLOCKS, MOST_BLOCKS))
    by_block = np.array([block.sum(axis=0) for block in np.array_split(pulls, count)])
    by_block -= by_block.mean(axis=0)
    inverse = np.linalg.inv(curvature)
    # Correction for the small number of blocks, whose spread is too small on average.
    few = count / (count - 1 - pulls.shape[1])
    return np.asarray(np.sqrt(np.diag(inverse @ (by_block.T @ by_block) @ inverse.T) * few))
