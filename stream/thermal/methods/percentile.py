"""`percentile`: the span between two percentiles of each frame. Settings: `low`, `high`, `damping`."""

from __future__ import annotations

from stream.thermal.methods.base import GainMethod


class Percentile(GainMethod):
    """A measured span that leaves out what is rare at both ends."""

    @property
    def shares(self) -> tuple[float, float] | None:
        """`low` and `high` of the settings."""
        return self.settings.low, self.settings.high


METHOD = Percentile
