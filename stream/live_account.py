"""What a report tells of live cameras."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream.live import LiveMoments


class LiveAccount:
    """Reads the books of live cameras for a report.

    Attributes:
        latency: from the arrival of a moment's last frame to when it was written.
    """

    def __init__(self, live: LiveMoments) -> None:
        self._live = live

    def counters(self) -> tuple[Counter[str], Counter[str], dict[str, Counter[str]]]:
        """Frames in, by side; dropped, by reason; lost in the sources, by side and reason."""
        books, cameras = self._live.books, self._live.cameras
        lost: dict[str, Counter[str]] = {side: camera.account.lost for side, camera in cameras.items()}
        return books.received, books.dropped, lost

    def as_json(self, fused: int) -> dict[str, Any]:
        """As plain values.

        Args:
            fused: frames that were written; the others were on their way when the run ended.
        """
        books = self._live.books.as_json()
        sent = sum(books["moments"].get(kind, 0) for kind in ("pairs", "held", "single"))
        return {
            "cameras": {side: camera.account.as_json() for side, camera in self._live.cameras.items()},
            "clocks": self._live.clocks(),
            **books,
            "on_the_way_at_stop": sent - books["moments"].get("given_up", 0) - fused,
        }
