"""Advice for recordings of which most frames find no partner: an option, and its value as measured."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from stream.frame import Side
from stream.pairing.look_ahead import PeekableStream, TimedFrame
from stream.pairing.policy import PairingPolicy

# Fewer frames tell nothing.
LEAST_FRAMES = 10
# Bounds the memory of an endless recording.
MOST_DISTANCES = 100_000
# Share of the lonely frames that an advised tolerance is to reach.
REACHED = 0.95


class Lonely:
    """Looks at every frame of the leading stream, and remembers how far away the partners of some were."""

    def __init__(self, anchor: Side) -> None:
        """Nothing was seen.

        Args:
            anchor: the leading stream.
        """
        self._anchor: Side = anchor
        self._other: Side = "thermal" if anchor == "visible" else "visible"
        self.count = self.alone = self._outside = 0
        # Thermal time minus visible time on the visible clock, of the nearest two.
        self._apart_s: list[float] = []

    def add(self, anchor: TimedFrame, partners: PeekableStream, found: bool) -> None:
        """Count a frame of the leading stream.

        Args:
            anchor: it.
            partners: the other stream, read up to there.
            found: it has a partner.
        """
        self.count += 1
        if found:
            return
        self.alone += 1
        around = [*partners.buffer, *([partners.latest] if partners.latest else [])]
        later = [each.time_s - anchor.time_s for each in around]
        if not later or all(each > 0 for each in later) or all(each < 0 for each in later):
            self._outside += 1
        elif len(self._apart_s) < MOST_DISTANCES:
            nearest_s = float(min(later, key=abs))
            self._apart_s.append(nearest_s if self._anchor == "visible" else -nearest_s)

    def advice(
        self, visible: PeekableStream, thermal: PeekableStream, policy: PairingPolicy, offset_s: Fraction
    ) -> str:
        """One sentence where most frames of the leading stream found no partner; else empty.

        Args:
            visible: the visible stream, as far as it was read.
            thermal: the thermal stream.
            policy: with the tolerance.
            offset_s: thermal clock minus visible clock, as it was taken.
        """
        if self.count < LEAST_FRAMES or 2 * self.alone <= self.count:
            return ""
        tolerance_ms = float(policy.tolerance_s * 1000)
        return (
            f"{self.alone} of {self.count} {self._anchor} frames found no {self._other} frame within "
            f"{tolerance_ms:g} ms: {self._remedy(visible, thermal, policy, offset_s)}"
        )

    def _remedy(
        self, visible: PeekableStream, thermal: PeekableStream, policy: PairingPolicy, offset_s: Fraction
    ) -> str:
        if 2 * self._outside > self.alone:
            return _not_together(visible, thermal, policy, offset_s)
        apart_s = np.array(self._apart_s)
        low_s, middle_s, high_s = np.quantile(apart_s, (0.1, 0.5, 0.9))
        if high_s - low_s <= policy.tolerance_s:
            offset_ms = round(float(offset_s) * 1000 + middle_s * 1000, 1)
            return (
                f"the nearest thermal frames are {abs(middle_s) * 1000:.1f} ms "
                f"{'later' if middle_s > 0 else 'earlier'}; pass --offset-ms {offset_ms:g} where the clocks "
                f"differ, or --tolerance-ms {_reaching(apart_s)} where they do not"
            )
        return f"pass --tolerance-ms {_reaching(apart_s)}, which reaches the nearest of nearly all of them"


def _reaching(apart_s: np.ndarray) -> int:
    """Milliseconds that reach nearly all distances."""
    return math.ceil(float(np.quantile(np.abs(apart_s), REACHED)) * 1000)


def _not_together(
    visible: PeekableStream, thermal: PeekableStream, policy: PairingPolicy, offset_s: Fraction
) -> str:
    """The remedy where most lonely frames lie before or behind the other stream."""
    if None in (visible.first_s, visible.last_s, thermal.first_s, thermal.last_s):
        return "one of the streams has no frames"
    assert visible.first_s is not None and visible.last_s is not None
    assert thermal.first_s is not None and thermal.last_s is not None
    later_s = thermal.first_s - visible.first_s
    ranges = (
        f"visible runs from {float(visible.first_s):.2f} to {float(visible.last_s):.2f} s, thermal from "
        f"{float(thermal.first_s + offset_s):.2f} to {float(thermal.last_s + offset_s):.2f} s"
    )
    if abs(later_s) <= policy.tolerance_s:
        return f"{ranges}; --unpaired single passes the frames of one camera alone through"
    offset_ms = round(float(later_s + offset_s) * 1000)
    return f"{ranges}; if both began at the same moment, pass --offset-ms {offset_ms}"
