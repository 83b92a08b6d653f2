"""Waiting times between attempts to connect."""

from __future__ import annotations

import random

FIRST_S = 0.1
GROWTH = 2.0
# Longest pause between two attempts, in seconds.
LONGEST_S = 1.0
# A camera may lock out whoever comes too often with a wrong password.
LONGEST_REFUSED_S = 30.0
JITTER_SHARE = 0.2


class Backoff:
    """Waits that grow from one failure to the next.

    Each is a little different, so that many clients of one camera do not ask in step.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures = 0

    def next_s(self, refused: bool = False) -> float:
        """Seconds to wait after one more failure.

        Args:
            refused: True when the camera refused the password.
        """
        longest_s = LONGEST_REFUSED_S if refused else LONGEST_S
        # The exponent is bounded: a camera may be away for weeks.
        wait_s = min(FIRST_S * GROWTH ** min(self._failures, 30), longest_s)
        self._failures += 1
        return wait_s * (1 - JITTER_SHARE * self._rng.random())

    def succeeded(self) -> None:
        """Start over."""
        self._failures = 0
