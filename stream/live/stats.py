"""Statistics of live cameras for reports, the page and metrics."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from stream.runtime.stage_times import Histogram

if TYPE_CHECKING:
    from stream.live.session import LiveSession


class LiveStats:
    """Reads the counts of live cameras for a report."""

    def __init__(self, live: LiveSession) -> None:
        self._live = live

    def frames_in(self) -> Counter[str]:
        """Frames that came, by side."""
        return self._live.counts.received

    def dropped(self) -> Counter[str]:
        """Frames that were not fused, by side and reason."""
        return self._live.counts.dropped

    def used(self) -> Counter[str]:
        """Frames that went on to fusion, by side; a held one counts once."""
        return self._live.counts.used

    def lost(self) -> dict[str, Counter[str]]:
        """Frames that the sources could not deliver, by side and reason."""
        return {side: camera.account.lost for side, camera in self._live.cameras.items()}

    def cameras(self) -> dict[str, dict[str, Any]]:
        """State and counts of each camera now, by side."""
        return {
            side: {**camera.account.as_json(), "why": camera.why}
            for side, camera in self._live.cameras.items()
        }

    @property
    def not_pairing(self) -> str:
        """One sentence while both cameras stream and no pair was made for 5 s; empty otherwise."""
        return self._live.not_pairing

    def clocks(self) -> dict[str, Any]:
        """Kind, offset in ms and drift in ppm of the cameras' clocks."""
        return self._live.clocks()

    def pairing_errors(self) -> Histogram:
        """Of every pair so far."""
        return self._live.counts.errors

    def moments(self) -> dict[str, int]:
        """Moments that went on to fusion, by kind."""
        return dict(self._live.counts.moments)

    def as_json(self, fused: int) -> dict[str, Any]:
        """As plain values.

        Args:
            fused: frames that were written; the others were on their way when the run ended.
        """
        counts = self._live.counts.as_json()
        sent = sum(counts["moments"].get(kind, 0) for kind in ("pairs", "held", "single"))
        return {
            "cameras": {side: camera.account.as_json() for side, camera in self._live.cameras.items()},
            "clocks": self._live.clocks(),
            "not_pairing": self.not_pairing,
            **counts,
            "on_the_way_at_stop": sent - counts["moments"].get("given_up", 0) - fused,
        }
