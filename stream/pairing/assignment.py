"""Assignment of partners to anchors with the least total skew."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def best_match(
    anchors_s: Sequence[Fraction], partners_s: Sequence[Fraction], tolerance_s: Fraction
) -> list[int | None]:
    """The partner of each anchor, such that the sum of the time errors is least.

    An anchor without a partner counts as the tolerance. Sorted times have a best solution without
    crossings, so this is an alignment of two sequences (dynamic programming, Needleman and Wunsch 1970).

    Args:
        anchors_s: times in ascending order.
        partners_s: times in ascending order.
        tolerance_s: largest time between partners.

    Returns:
        For each anchor the index of its partner, or None.
    """
    costs = _remaining_costs(anchors_s, partners_s, tolerance_s)
    matches: list[int | None] = [None] * len(anchors_s)
    i = j = 0
    while i < len(anchors_s) and j < len(partners_s):
        error_s = abs(anchors_s[i] - partners_s[j])
        if error_s <= tolerance_s and costs[i][j] == error_s + costs[i + 1][j + 1]:
            matches[i] = j
            i, j = i + 1, j + 1
        elif costs[i][j] == costs[i][j + 1]:
            j += 1
        else:
            i += 1
    return matches


def _remaining_costs(
    anchors_s: Sequence[Fraction], partners_s: Sequence[Fraction], tolerance_s: Fraction
) -> list[list[Fraction]]:
    """Least cost of the anchors from i and the partners from j on, as `[i][j]`."""
    columns = len(partners_s) + 1
    costs = [[Fraction(0)] * columns for _ in range(len(anchors_s) + 1)]
    for i in range(len(anchors_s) - 1, -1, -1):
        costs[i][-1] = tolerance_s + costs[i + 1][-1]
        for j in range(len(partners_s) - 1, -1, -1):
            error_s = abs(anchors_s[i] - partners_s[j])
            matched = error_s + costs[i + 1][j + 1]
            alone = min(tolerance_s + costs[i + 1][j], costs[i][j + 1])
            costs[i][j] = min(matched, alone) if error_s <= tolerance_s else alone
    return costs
