"""`fixed`: a span that stands still. Settings: `span_low`, `span_high`, `span_unit`."""

from __future__ import annotations

from stream.config import GainSettings
from stream.errors import ConfigError
from stream.radiometry import Radiometry
from stream.thermal.methods.base import GainMethod, Span


class Fixed(GainMethod):
    """The span of the settings, in counts or in degrees Celsius."""

    @classmethod
    def first_span(cls, settings: GainSettings, bits: int, radiometry: Radiometry | None) -> Span:
        """The span of the settings in counts."""
        low, high = settings.span_low, settings.span_high
        assert low is not None and high is not None, "checked with the settings"
        if settings.span_unit == "counts":
            return low, high
        if radiometry is None:
            raise ConfigError(
                "gain.span_unit is celsius, but what a count of this thermal camera means is not known; give "
                "--thermal-celsius-per-count and --thermal-celsius-at-zero, or a span in counts"
            )
        return radiometry.counts(low), radiometry.counts(high)


METHOD = Fixed
