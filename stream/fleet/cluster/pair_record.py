"""The controller's record of one pair: what is wanted, what is there, and what it last said."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from stream.fleet.cluster.counts import Counts, Ledger
from stream.fleet.cluster.spec import PairSpec, Placement

# An actor ends its child within 24 s of being told to.
LONGEST_END_S = 30.0
# One that is to end and says nothing for so long is not there.
SILENT_S = 5.0
ACTORS_KEPT = 16
# Parts of a report that do not come with each.
_SELDOM = ("metrics", "picture", "other_files")


@dataclass(slots=True)
class PairRecord:
    """A pair.

    Attributes:
        spec: that is wanted, as the file of the fleet gave it.
        again: how often it was asked to start again without a change.
        moved_to: label that `move` gave it, over that of the spec; empty for none.
        is_drained: it is kept off by hand.
        is_removed: it is to end, and only its counts stay.
        placed: where its actor was asked to be; None without an actor.
        placed_version: of gifnet-stream when its actor was made.
        ledger: its frames.
        last: newest report of its actor; empty before the first.
        heard_s: when that came, on the monotonic clock.
        actors: names that its actors gave themselves, the newest last. Clocks of nodes may differ, so none
            of them decides.
        ending_since_s: when its actor was first told to end; None while it is not.
    """

    spec: PairSpec
    again: int = 0
    moved_to: str = ""
    is_drained: bool = False
    is_removed: bool = False
    placed: Placement | None = None
    placed_version: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    last: dict[str, Any] = field(default_factory=dict)
    heard_s: float = 0.0
    actors: list[str] = field(default_factory=list)
    ending_since_s: float | None = None

    @property
    def run_spec(self) -> PairSpec:
        """Spec that its actor gets."""
        return replace(self.spec, again=self.again)

    @property
    def placement(self) -> Placement:
        """Place that is wanted."""
        return replace(self.spec.placement, label=self.moved_to) if self.moved_to else self.spec.placement

    def is_wanted(self) -> bool:
        """True for a pair that is to run."""
        return not self.is_drained and not self.is_removed

    def is_up_to_date(self) -> bool:
        """True once it fuses by the spec that is wanted."""
        return bool(self.last.get("ready")) and self.last.get("spec") == self.run_spec.digest

    def must_end(self, drained_nodes: set[str]) -> bool:
        """True for an actor that is to go: not wanted here, or not at all."""
        if self.placed is None:
            return False
        is_misplaced = self.placed != self.placement or self.last.get("node") in drained_nodes
        is_old = self.placed_version != self.spec.version
        return not self.is_wanted() or is_misplaced or is_old or self.last.get("state") == "ended"

    def may_be_killed(self, now_s: float) -> bool:
        """True for an actor that was told to end and has ended its child, or never had one."""
        if self.ending_since_s is None:
            return False
        told_s = now_s - self.ending_since_s
        return (
            not self.last
            or self.last.get("state") == "ended"
            or told_s > LONGEST_END_S
            or (told_s > SILENT_S and now_s - self.heard_s > SILENT_S)
        )

    def note(self, message: dict[str, Any], now_s: float) -> bool:
        """Take a report; False for one of an earlier actor, of which only the counts are taken."""
        for run, counts in message.pop("ended_runs", {}).items():
            self.ledger.note(run, Counts.from_json(counts), final=True)
        if "run" in message and "counts" in message:
            self.ledger.note(message["run"], Counts.from_json(message["counts"]), final=False)
        if message["actor"] not in self.actors:
            self.actors = [*self.actors, message["actor"]][-ACTORS_KEPT:]
        if message["actor"] != self.actors[-1]:
            return False
        kept = {key: self.last[key] for key in _SELDOM if key in self.last}
        self.last, self.heard_s = kept | message, now_s
        return True

    def place(self) -> Placement:
        """Note that it gets an actor, and say where."""
        self.placed, self.placed_version = self.placement, self.spec.version
        return self.placed

    def gone(self) -> None:
        """Its actor is no more."""
        self.placed, self.ending_since_s, self.last = None, None, {}

    def as_json(self) -> dict[str, Any]:
        """As plain values; what the actor says will be said again."""
        return {
            "spec": self.spec.as_json(),
            "again": self.again,
            "moved_to": self.moved_to,
            "is_drained": self.is_drained,
            "is_removed": self.is_removed,
            "placed": asdict(self.placed) if self.placed else None,
            "placed_version": self.placed_version,
            "ledger": self.ledger.as_json(),
            "actors": self.actors,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PairRecord:
        """From what `as_json` gave."""
        placed = values["placed"]
        return cls(
            PairSpec.from_json(values["spec"]),
            values["again"],
            values["moved_to"],
            values["is_drained"],
            values["is_removed"],
            Placement(**placed) if placed else None,
            values["placed_version"],
            Ledger(values["ledger"]),
            actors=values["actors"],
        )
