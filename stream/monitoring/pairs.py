"""The state of several pairs of one process, and their numbers with the label `pair`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from stream.monitoring.prometheus import RunCollector
from stream.monitoring.report import RunReport
from stream.monitoring.status import RunStatus

SCHEMA = "gifnet.pairs/1"


@dataclass(slots=True)
class PairState:
    """One pair; written by its own thread, read by any.

    Attributes:
        name: of the pair.
        report: of its run.
        status: of its run; None until its stages are built.
        has_ended: its run is over.
        error: why it ended before its end; None otherwise.
    """

    name: str
    report: RunReport
    status: RunStatus | None = None
    has_ended: bool = False
    error: BaseException | None = field(default=None, repr=False)

    def not_ready(self) -> str:
        """Reason why no frames of the pair flow; empty while they do, and once it went through to its end."""
        if self.has_ended:
            return f"it has ended: {self.report.error}" if self.report.error else ""
        return self.status.not_ready() if self.status else "its stages are being built"


def reports_as_json(pairs: Sequence[PairState], batches: dict[str, dict[str, int]]) -> dict[str, Any]:
    """The reports of all pairs.

    Args:
        pairs: in their order.
        batches: how many batches of each size there were, by network.
    """
    return {
        "schema": SCHEMA,
        "complete": all(pair.report.complete for pair in pairs),
        "batches": batches,
        "pairs": {pair.name: pair.report.as_json() for pair in pairs},
    }


def exposition_of_pairs(pairs: Sequence[PairState]) -> bytes:
    """All numbers of all pairs, and those of the process."""
    registry = CollectorRegistry()
    registry.register(PairsCollector(pairs))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class PairsCollector(Collector):
    """The numbers of each run, with the name of its pair as a further label."""

    def __init__(self, pairs: Sequence[PairState]) -> None:
        """Collect from pairs.

        Args:
            pairs: in their order; those without a state are left out.
        """
        self._pairs = pairs

    def collect(self) -> Iterator[Metric]:
        """All families of numbers, those of one name joined."""
        running = GaugeMetricFamily("gifnet_pair_running", "1 until a pair's run has ended.", labels=["pair"])
        families: dict[str, Metric] = {}
        for pair in self._pairs:
            running.add_metric([pair.name], not pair.has_ended)
            for family in RunCollector(pair.status).collect() if pair.status else ():
                joined = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                joined.samples += [
                    sample._replace(labels={"pair": pair.name, **sample.labels}) for sample in family.samples
                ]
        yield running
        yield from families.values()
