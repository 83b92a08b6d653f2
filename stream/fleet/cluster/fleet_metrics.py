"""Numbers of a whole fleet for Prometheus: those of every pair's run, and those over all its processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from stream.fleet.cluster.table import PairRow

_LABELS = ["pair", "node"]


def fleet_exposition(rows: Sequence[PairRow], metrics: Mapping[str, str]) -> bytes:
    """The text that Prometheus reads; every number has the labels `pair` and `node`.

    Args:
        rows: of all pairs.
        metrics: texts of the pairs' own runs, by name; empty or missing where there is none.
    """
    registry = CollectorRegistry()
    registry.register(_FleetCollector(rows, metrics))
    return generate_latest(registry)


class _FleetCollector(Collector):
    def __init__(self, rows: Sequence[PairRow], metrics: Mapping[str, str]) -> None:
        self._rows, self._metrics = rows, metrics

    def collect(self) -> Iterator[Metric]:
        """All families of numbers."""
        yield from self._of_pairs()
        yield from self._of_runs()

    def _of_pairs(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("gifnet_fleet_up", "1 while the pair fuses.", labels=_LABELS)
        state = GaugeMetricFamily("gifnet_fleet_state", "1 for its state.", labels=[*_LABELS, "state"])
        restarts = CounterMetricFamily("gifnet_fleet_restarts", "Starts but the first.", labels=_LABELS)
        words = "since the pair was first started, over all its processes."
        frames_in = CounterMetricFamily(
            "gifnet_fleet_frames_in", f"Frames that came {words}", labels=[*_LABELS, "camera"]
        )
        fused = CounterMetricFamily("gifnet_fleet_frames_fused", f"Fused frames {words}", labels=_LABELS)
        dropped = CounterMetricFamily(
            "gifnet_fleet_frames_dropped", f"Dropped frames {words}", labels=[*_LABELS, "reason"]
        )
        for row in self._rows:
            about = [row.name, row.node]
            up.add_metric(about, row.state == "running")
            state.add_metric([*about, row.state], 1)
            restarts.add_metric(about, row.restarts)
            fused.add_metric(about, row.fused)
            for side, count in row.frames_in.items():
                frames_in.add_metric([*about, side], count)
            for reason, count in row.dropped.items():
                dropped.add_metric([*about, reason], count)
        yield from (up, state, restarts, frames_in, fused, dropped)

    def _of_runs(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for row in self._rows:
            about = {"pair": row.name, "node": row.node}
            for family in text_string_to_metric_families(self._metrics.get(row.name, "")):
                kept = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                for sample in family.samples:
                    kept.add_sample(sample.name, {**sample.labels, **about}, sample.value)
        yield from families.values()
