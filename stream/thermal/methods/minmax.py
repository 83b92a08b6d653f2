"""`minmax`: the span from the coldest to the hottest pixel of each frame. Settings: `damping`."""

from __future__ import annotations

from stream.thermal.methods.base import GainMethod


class MinMax(GainMethod):
    """A measured span that holds every pixel."""

    @property
    def shares(self) -> tuple[float, float] | None:
        """All of the picture."""
        return 0.0, 100.0


METHOD = MinMax
