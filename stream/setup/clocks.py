"""The offset between the clocks of two sources, measured by motion in both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

from stream.errors import SyncError
from stream.setup.mistakes.timing import apart_s, apart_sentence
from stream.sync_check.cross_correlation import OffsetEstimate, estimate_offset
from stream.sync_check.motion import Motion
from stream.sync_check.run import SyncCheck

LARGEST_S = 2.0
# Least offset that counts: as a multiple of its error, and in milliseconds.
TIMES_ERROR, LEAST_MS = 3.0, 5.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Relation of two clocks.

    Attributes:
        offset_ms: the setting `pairing.offset_ms`.
        text: one sentence.
    """

    offset_ms: float
    text: str


def clocks_of(found: SyncCheck) -> Clocks:
    """The offset to pair by: the one that was found where it is certain and not small, else none.

    Recordings that never run at once are compared as if they had begun together.

    Args:
        found: what was watched.

    Raises:
        SyncError: the recordings have no moment in common, not even by what moves in them.
    """
    between_s = apart_s(found.visible, found.thermal)
    if between_s is None:
        return _by(found.estimate, 0.0)
    moved = estimate_offset(found.visible, _earlier(found.thermal, between_s), LARGEST_S)
    if moved.doubt:
        raise SyncError(apart_sentence(between_s))
    return _by(moved, between_s * 1000)


def _by(estimate: OffsetEstimate, base_ms: float) -> Clocks:
    offset_ms = round(estimate.offset_ms + base_ms, 1) + 0.0
    if estimate.doubt:
        return Clocks(
            base_ms,
            f"the times are taken as they are, since their offset is not certain: {estimate.doubt}",
        )
    error_ms = estimate.uncertainty_ms if isfinite(estimate.uncertainty_ms) else 0.0
    if not base_ms and abs(offset_ms) < max(LEAST_MS, TIMES_ERROR * error_ms):
        return Clocks(0.0, f"the clocks agree, to {max(abs(offset_ms), error_ms):.0f} ms")
    return Clocks(
        offset_ms,
        f"the thermal clock is {offset_ms:.1f} ms ahead of the visible one, give or take {error_ms:.1f}",
    )


def _earlier(motion: Motion, by_s: float) -> Motion:
    return replace(motion, times_s=motion.times_s - by_s, stamps_s=motion.stamps_s - by_s)
