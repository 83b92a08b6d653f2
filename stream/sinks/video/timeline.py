"""From exact times to the whole numbers that a container stores."""

from __future__ import annotations

from fractions import Fraction

# Times after this are dates, seconds since 1970, not positions in a recording (10^8 s is in March 1973).
DATES_FROM_S = Fraction(100_000_000)


class Timeline:
    """Time stamps of one output file.

    Times are kept as they are wherever the container can hold them. Two kinds of them no player can show:
    a start before zero and one that is a date. There the file starts at zero and all distances are kept.

    Attributes:
        time_base: seconds of one tick.
        origin_s: the time that becomes zero; 0 unless the start is one of the two kinds.
    """

    def __init__(self, time_base: Fraction, first_s: Fraction) -> None:
        self.time_base = time_base
        self.origin_s = origin_of(first_s)
        self._last = -1

    def stamp(self, time_s: Fraction) -> int:
        """The time in ticks: exact if the time is a multiple of a tick, else the nearest one.

        A time that is not after the one before is moved to the next tick, since no container holds two
        frames of one time.
        """
        self._last = max(round((time_s - self.origin_s) / self.time_base), self._last + 1)
        return self._last


def origin_of(first_s: Fraction) -> Fraction:
    """The time that becomes zero in a file whose first picture is at `first_s` seconds."""
    return Fraction(0) if 0 <= first_s < DATES_FROM_S else first_s


def tick(time_base: Fraction, finest: int) -> Fraction:
    """The tick to write with: 1 over the denominator of `time_base`, or a microsecond, or what is possible.

    Args:
        time_base: of the source, in seconds.
        finest: ticks a second that the encoder and the container allow at most.
    """
    if time_base.denominator <= finest:
        return Fraction(1, time_base.denominator)
    return Fraction(1, next(rate for rate in (1_000_000, 60_000) if rate <= finest))
