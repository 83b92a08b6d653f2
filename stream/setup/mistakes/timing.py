"""Mistakes that the times of frames tell: unequal rates, recordings without a common moment."""

from __future__ import annotations

from stream.setup.mistakes.finding import Finding
from stream.sync_check.motion import Motion

# Rates differ for the user from here on.
UNEQUAL = 1.5


def rate_finding(visible: Motion, thermal: Motion) -> Finding | None:
    """Consequence of unequal rates; None where they are about equal."""
    fast, slow = max(visible.rate, thermal.rate), min(visible.rate, thermal.rate)
    if slow <= 0 or fast / slow < UNEQUAL:
        return None
    rates = f"the visible camera gives {visible.rate:.3g} frames/s and the thermal one {thermal.rate:.3g}"
    if thermal.rate < visible.rate:
        remedy = "; for every visible frame, with the last thermal one, set pairing.unpaired to hold"
    else:
        remedy = "; set the thermal camera to the rate of the visible one to spare the machine work"
    return Finding(
        "unequal-rates",
        f"{rates}: the fused stream has {slow:.3g}, each frame with the nearest of the other camera{remedy}",
    )


def apart_s(visible: Motion, thermal: Motion) -> float | None:
    """Seconds from the first visible to the first thermal frame, where the two never run at once.

    Returns:
        None where they overlap.
    """
    if not len(visible.stamps_s) or not len(thermal.stamps_s):
        return None
    overlap_s = min(visible.stamps_s[-1], thermal.stamps_s[-1]) - max(
        visible.stamps_s[0], thermal.stamps_s[0]
    )
    return None if overlap_s >= 0 else float(thermal.stamps_s[0] - visible.stamps_s[0])


def apart_sentence(between_s: float) -> str:
    """Reason that two recordings which never run at once cannot be paired, and what to do."""
    order = "after" if between_s > 0 else "before"
    return (
        f"the recordings have no moment in common, the thermal one begins {abs(between_s):.0f} s {order} the "
        "visible one: name recordings of one moment, or, where both began at once and only the clocks "
        f"differ, pass --offset-ms {between_s * 1000:.0f}"
    )
