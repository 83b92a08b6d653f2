"""The rule by which frames of two streams become pairs: one for recordings and for live cameras.

Pure logic on exact times in seconds on the visible clock; nothing is read, kept or counted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, Self

from stream.config import PairingSettings
from stream.frame import Side

# The slower stream leads only if it is slower by more than this, so that measured rates do not take turns.
SLOWER_BY = Fraction(11, 10)
# Share by which the next partner must be nearer before a leader takes it: near half an
# interval, jitter would otherwise cost every fourth frame its partner.
KEEP_SHARE = Fraction(7, 10)
# An automatic tolerance: more than half the interval of the faster stream, with room for jitter.
AUTO_SHARE = Fraction(6, 10)
AUTO_LEAST_S = Fraction(20, 1000)
# Measured intervals that move the automatic tolerance by less than this leave it alone.
AUTO_STEADY = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class PairingPolicy:
    """Leader, partner, tolerance and offset of a pair of streams.

    One stream leads. Each of its frames, an anchor, gets the nearest frame of the other stream within the
    tolerance, unless that frame is nearer to the next anchor. So both frames of a pair are each other's
    nearest, whichever stream leads; a lost frame never shifts the pairs behind it; and an anchor is decided
    from its neighbours alone, which a live camera has within one interval. (An assignment of least total
    error over several anchors, which recordings used before, needs frames that a camera has not sent yet,
    and prefers pairs that are shifted by one frame where the tolerance is wide.) Of two equally near
    partners the earlier one is taken, and a partner halfway between two anchors goes to the earlier.

    The slower stream leads, so that each of its frames has a partner. It does so only when it is more than a
    tenth slower: with 25 and 24 frames a second either leader gives 24 pairs a second, but rates that are
    measured would change the leader with every jitter. Visible leads where rates are equal or unknown, and
    always when thermal frames are held, since then each visible frame goes on.

    Attributes:
        tolerance_s: largest time between the frames of a pair, its end included.
        offset_s: thermal clock minus visible clock; None to follow the clocks of live cameras.
        max_age_s: oldest thermal frame that is held.
        unpaired: fate of an anchor without a partner.
        is_auto: True when the tolerance follows the rates.
    """

    tolerance_s: Fraction
    offset_s: Fraction | None
    max_age_s: Fraction
    unpaired: Literal["drop", "hold", "single"]
    is_auto: bool = False

    @classmethod
    def of(cls, settings: PairingSettings) -> Self:
        """The policy of settings; an automatic tolerance is the least one until rates are known."""
        is_auto = settings.tolerance_ms == "auto"
        return cls(
            AUTO_LEAST_S if settings.tolerance_ms == "auto" else _seconds(settings.tolerance_ms),
            None if settings.offset_ms == "auto" else _seconds(settings.offset_ms),
            _seconds(settings.max_age_ms),
            settings.unpaired,
            is_auto,
        )

    def at_intervals(self, visible_s: Fraction | None, thermal_s: Fraction | None) -> Self:
        """The policy for intervals between frames; itself where the tolerance is a number or stays.

        Args:
            visible_s: seconds between visible frames, None when unknown.
            thermal_s: the same of thermal frames.
        """
        if not self.is_auto or visible_s is None or thermal_s is None:
            return self
        tolerance_s = max(AUTO_LEAST_S, AUTO_SHARE * min(visible_s, thermal_s))
        if abs(tolerance_s - self.tolerance_s) <= AUTO_STEADY * self.tolerance_s:
            return self
        return replace(self, tolerance_s=tolerance_s)

    def leader(self, visible_s: Fraction | None, thermal_s: Fraction | None) -> Side:
        """The stream whose frames look for partners, by the seconds between frames of each."""
        if self.unpaired == "hold" or visible_s is None or thermal_s is None:
            return "visible"
        return "thermal" if thermal_s > visible_s * SLOWER_BY else "visible"

    def choose(
        self,
        anchor_s: Fraction,
        partners_s: Sequence[Fraction],
        next_anchor_s: Fraction | None,
        follows: bool,
    ) -> int | None:
        """The index of an anchor's partner, None for none.

        Args:
            anchor_s: time of the anchor.
            partners_s: times of the partners that are left, ascending.
            next_anchor_s: time of the next anchor, None when there is none.
            follows: True when the anchor before this one has a partner later than itself.
        """
        best, least_s = None, self.tolerance_s
        for index, partner_s in enumerate(partners_s):
            error_s = abs(partner_s - anchor_s)
            if partner_s > anchor_s and _is_left(anchor_s, partner_s, next_anchor_s, follows):
                break
            if error_s < least_s or (best is None and error_s == least_s):
                best, least_s = index, error_s
            elif partner_s > anchor_s:
                break
        return best

    def is_certain(
        self,
        anchor_s: Fraction,
        partners_s: Sequence[Fraction],
        soonest_partner_s: Fraction,
        soonest_anchor_s: Fraction | None,
        follows: bool,
    ) -> bool:
        """True when no later frame can change the result of `choose`.

        Args:
            anchor_s: time of the anchor.
            partners_s: times of the partners that are left, ascending.
            soonest_partner_s: earliest time that a further partner may have.
            soonest_anchor_s: earliest time that the next anchor may have; None when it is there already.
            follows: True when the anchor before this one has a partner later than itself.
        """
        nearest = self.choose(anchor_s, partners_s, None, follows)
        if nearest is None:
            return soonest_partner_s > anchor_s + self.tolerance_s
        partner_s = partners_s[nearest]
        if soonest_partner_s < anchor_s + abs(partner_s - anchor_s):
            return False
        if soonest_anchor_s is None or partner_s <= anchor_s:
            return True
        return soonest_anchor_s > partner_s and not _is_left(anchor_s, partner_s, soonest_anchor_s, follows)

    def describe_tolerance(self, visible_s: Fraction, thermal_s: Fraction) -> str:
        """One sentence on the automatic tolerance at these intervals between frames."""
        return (
            f"visible has {float(1 / visible_s):.1f} and thermal {float(1 / thermal_s):.1f} frames/s: frames "
            f"within {float(self.tolerance_s * 1000):.1f} ms make a pair (--tolerance-ms auto)"
        )


def _is_left(anchor_s: Fraction, partner_s: Fraction, next_anchor_s: Fraction | None, follows: bool) -> bool:
    """True when a partner after the anchor is left to the next anchor, which is nearer to it."""
    if next_anchor_s is None:
        return False
    error_s = partner_s - anchor_s
    return abs(next_anchor_s - partner_s) < (error_s * KEEP_SHARE if follows else error_s)


def _seconds(milliseconds: float) -> Fraction:
    return Fraction(str(milliseconds)) / 1000
