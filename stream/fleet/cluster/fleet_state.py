"""The state of a fleet: pairs that are wanted and what became of them; pure logic, without Ray and clocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stream.errors import ConfigError
from stream.fleet.cluster.nodes import Node
from stream.fleet.cluster.pair_record import PairRecord
from stream.fleet.cluster.spec import PairSpec, Placement

SCHEMA = "gifnet.fleet/1"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to be done at Ray.

    Attributes:
        what: `create` an actor, or `kill` it for good.
        pair: its name.
        placement: of a new one.
        avoid: numbers of nodes where a new one must not be.
    """

    what: Literal["create", "kill"]
    pair: str
    placement: Placement | None = None
    avoid: tuple[str, ...] = ()


class FleetState:
    """All pairs by name."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        """Begin empty, or with what was saved.

        Args:
            values: of `as_json`.
        """
        values = {"pairs": {}, "drained_nodes": {}} if values is None else values
        self.pairs = {name: PairRecord.from_json(each) for name, each in values["pairs"].items()}
        self.drained_nodes: dict[str, str] = dict(values["drained_nodes"])
        self._strangers: set[str] = set()

    def wanted(self) -> dict[str, PairRecord]:
        """Pairs that the fleet has."""
        return {name: record for name, record in self.pairs.items() if not record.is_removed}

    def apply(self, specs: Iterable[PairSpec], prune: bool) -> dict[str, list[str]]:
        """Add pairs that are missing; what runs goes on as it is.

        Args:
            specs: of all pairs of the file.
            prune: end those that the file does not have.

        Returns:
            Names: `added`, `same`, `changed` in the file, `gone` from it, and `removed` now.
        """
        told: dict[str, list[str]] = {key: [] for key in ("added", "same", "changed", "gone", "removed")}
        wanted = {spec.name: spec for spec in specs}
        for name, spec in wanted.items():
            record = self.pairs.get(name)
            if record is None:
                self.pairs[name] = PairRecord(spec)
                told["added"].append(name)
            elif record.is_removed:
                record.spec, record.is_removed, record.is_drained, record.moved_to = spec, False, False, ""
                told["added"].append(name)
            else:
                told["same" if record.spec == spec else "changed"].append(name)
        for name in [name for name in self.wanted() if name not in wanted]:
            told["removed" if prune else "gone"].append(name)
            self.pairs[name].is_removed = self.pairs[name].is_removed or prune
        return told

    def update(self, spec: PairSpec) -> None:
        """Give a pair another spec; it starts again by that, at the place that the file names.

        Raises:
            ConfigError: the fleet has no such pair.
        """
        record = self.record(spec.name)
        record.again += record.spec == spec
        record.spec, record.moved_to = spec, ""

    def move(self, name: str, label: str) -> None:
        """Let a pair run where nodes have another label.

        Raises:
            ConfigError: the fleet has no such pair.
        """
        self.record(name).moved_to = label

    def drain(self, name: str, off: bool) -> None:
        """End a pair and keep it off, or let it run again.

        Raises:
            ConfigError: the fleet has no such pair.
        """
        self.record(name).is_drained = off

    def drain_node(self, node: Node, off: bool) -> None:
        """Keep all pairs off a node, or let them return."""
        self.drained_nodes.pop(node.number, None)
        if off:
            self.drained_nodes[node.number] = node.name

    def remove_all(self) -> None:
        """End all pairs; their counts stay."""
        for record in self.pairs.values():
            record.is_removed = True

    def record(self, name: str) -> PairRecord:
        """A pair of the fleet.

        Raises:
            ConfigError: there is none of that name.
        """
        found = self.wanted().get(name)
        if found is None:
            known = ", ".join(sorted(self.wanted())) or "none"
            raise ConfigError(f"the fleet runs no pair {name}; it has {known}")
        return found

    def report(self, message: dict[str, Any], now_s: float) -> dict[str, Any]:
        """Take the report of an actor.

        Returns:
            The answer: `end` where it is to end, `spec` where that is another one.
        """
        record = self.pairs.get(message["pair"])
        if record is None:  # of a fleet whose saved state was moved away
            if message["state"] == "ended":
                self._strangers.add(message["pair"])
            return {"end": True}
        if not record.note(message, now_s):
            return {"end": True}
        if record.placed is None and record.is_wanted():  # made by an earlier controller
            record.place()
        if record.ending_since_s is not None or record.must_end(set(self.drained_nodes)):
            return {"end": True}
        same = message.get("spec") == record.run_spec.digest
        return {"end": False} if same else {"end": False, "spec": record.run_spec.as_json()}

    def actions(self, now_s: float, nodes: Sequence[Node]) -> Iterator[Action]:
        """Steps towards what is wanted; each is done before the next call."""
        there = {node.number for node in nodes}
        avoid = tuple(sorted(set(self.drained_nodes) & there))
        for name, record in self.pairs.items():
            if record.placed is None and record.is_wanted():
                yield Action("create", name, record.place(), avoid)
            elif record.must_end(set(avoid)):
                if record.ending_since_s is None:
                    record.ending_since_s = now_s
                if record.may_be_killed(now_s):
                    yield Action("kill", name)
        yield from (Action("kill", name) for name in self._strangers - set(self.pairs))
        self._strangers.clear()

    def spare_nodes(self, nodes: Sequence[Node]) -> list[Node]:
        """Nodes without a pair that could take a quick one; none before the first pair fuses."""
        wanted = [record for record in self.pairs.values() if record.is_wanted()]
        if not any(record.last.get("ready") for record in wanted):
            return []
        taken = {record.last.get("node") for record in wanted} | set(self.drained_nodes)
        places = [record.placement for record in wanted if record.spec.is_quick]
        return [
            node
            for node in nodes
            if node.number not in taken and any(place.fits(node.resources, node.labels) for place in places)
        ]

    def killed(self, name: str) -> None:
        """The actor of a pair is no more."""
        if name in self.pairs:
            self.pairs[name].gone()

    def as_json(self) -> dict[str, Any]:
        """As plain values, to be saved."""
        pairs = {name: record.as_json() for name, record in self.pairs.items()}
        return {"schema": SCHEMA, "pairs": pairs, "drained_nodes": self.drained_nodes}
