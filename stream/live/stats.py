"""Statistics of live cameras for reports, the page and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stream.runtime.stage_times import Histogram

if TYPE_CHECKING:
    from stream.live.session import LiveSession


class LiveStats:
    """Reads the counts of live cameras for a report."""

    def __init__(self, live: LiveSession) -> None:
        self._live = live

    def counters(self) -> tuple[Counter[str], Counter[str], dict[str, Counter[str]]]:
        """Frames in, by side; dropped, by reason; lost in the sources, by side and reason."""
        books, cameras = self._live.books, self._live.cameras
        lost: dict[str, Counter[str]] = {side: camera.account.lost for side, camera in cameras.items()}
        return books.received, books.dropped, lost

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
        return self._live.books.errors

    def moments(self) -> dict[str, int]:
        """Moments that went on to fusion, by kind."""
        return dict(self._live.books.moments)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Titles and texts for the summary at the end."""
        for side, camera in self._live.cameras.items():
            account = camera.account
            failures = account.failures.total() + account.stuck
            again = f", connected anew {account.connects - 1} times" if account.connects > 1 else ""
            away = f", away for {account.away_s:.1f} s" if account.away_s else ""
            yield f"{side} camera", f"{account.state}{again}{away}, {failures} failures"
        books, clocks = self._live.books.as_json(), self._live.clocks()
        errors, moments = books["pairing_error_ms"], self._live.books.moments
        if self.not_pairing:
            yield "not pairing", self.not_pairing
        yield (
            "pairing",
            (
                f"{moments['pairs']} pairs, {moments['held']} held, {moments['single']} single, "
                f"{moments['stale']} with the shutter closed; error p50 {errors['p50']:.1f} ms, "
                f"p99 {errors['p99']:.1f} ms"
            ),
        )
        drift = "" if clocks["drift_ppm"] is None else f", drift {clocks['drift_ppm']:.1f} ppm"
        yield (
            "clocks",
            (
                f"visible {clocks['visible']}, thermal {clocks['thermal']}, "
                f"offset {clocks['offset_ms']:.1f} ms{drift}"
            ),
        )

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
            "not_pairing": self.not_pairing,
            **books,
            "on_the_way_at_stop": sent - books["moments"].get("given_up", 0) - fused,
        }
