"""The state of all pairs as rows, for a terminal, JSON, a page and Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from stream.fleet.cluster.counts import SIDES
from stream.fleet.cluster.fleet_state import FleetState
from stream.fleet.cluster.nodes import Node, waiting_for
from stream.fleet.cluster.pair_record import PairRecord

# Reports come every second.
SILENT_S = 5.0


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair now.

    Attributes:
        name: of it.
        state: `running`, `starting`, `not fusing`, `down`, `drained`, `ending`, `silent`, `new`, or
            `waiting for ...`.
        why: more on that; may be empty.
        node: name of its node; empty without one.
        up_to_date: True once it fuses by the newest settings that it was given.
        run: its process of now, or the last one.
        process: number of that process on its node; 0 without one.
        actor_process: number of the process of its actor; 0 without one.
        frames_in: since the pair was first started, over all its processes, by side.
        fused: fused frames of that time.
        dropped: frames of that time that were not fused, by side and reason.
        on_the_way: frames in that are neither fused nor dropped yet, by side.
        restarts: starts of its process but the first.
        rate: fused frames a second, of the last seconds.
        age_ms: since the newest fused frame; None before the first.
        cameras: states of both, by side.
        notes: sentences on what is not as it should be.
    """

    name: str
    state: str
    why: str = ""
    node: str = ""
    up_to_date: bool = False
    run: str = ""
    process: int = 0
    actor_process: int = 0
    frames_in: dict[str, int] = field(default_factory=dict)
    fused: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    on_the_way: dict[str, int] = field(default_factory=dict)
    restarts: int = 0
    rate: float = 0.0
    age_ms: float | None = None
    cameras: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def rows(state: FleetState, nodes: Sequence[Node], now_s: float) -> list[PairRow]:
    """All pairs of a fleet, in the order in which they came to it.

    Args:
        state: of the fleet.
        nodes: that are there.
        now_s: on the monotonic clock.
    """
    wanted = state.wanted() | {
        name: record for name, record in state.pairs.items() if record.placed is not None
    }
    return [_row(name, record, state, nodes, now_s) for name, record in wanted.items()]


def _row(name: str, record: PairRecord, state: FleetState, nodes: Sequence[Node], now_s: float) -> PairRow:
    last = record.last
    names = {node.number: node.name for node in nodes}
    run = str(last.get("run", ""))
    total = record.ledger.total(running=run)
    what, why = _state(record, state, nodes, now_s)
    is_known = what in ("running", "not fusing", "starting")
    return PairRow(
        name,
        what,
        why,
        names.get(last.get("node", ""), ""),
        is_known and record.is_up_to_date(),
        run,
        int(last.get("process", 0)) if is_known else 0,
        int(last.get("actor_process", 0)),
        {side: total.frames_in[side] for side in SIDES},
        total.fused,
        {reason: count for reason, count in sorted(total.dropped.items()) if count},
        {side: max(0, total.waiting(side)) for side in SIDES},
        max(0, record.ledger.starts - 1),
        float(last.get("rate", 0.0)) if is_known else 0.0,
        last.get("age_ms") if is_known else None,
        last.get("cameras", {}) if is_known else {},
        list(_notes(record)),
    )


def _state(record: PairRecord, state: FleetState, nodes: Sequence[Node], now_s: float) -> tuple[str, str]:
    last, there = record.last, {node.number for node in nodes}
    if record.placed is None:
        return "drained" if record.is_drained else "new", ""
    if record.must_end(set(state.drained_nodes)):
        return "ending", "it begins again at another place" if record.is_wanted() else ""
    if not last:
        return waiting_for(record.placement, nodes, state.drained_nodes), ""
    if last["node"] not in there:
        return waiting_for(record.placement, nodes, state.drained_nodes), "its node is lost"
    if now_s - record.heard_s > SILENT_S:
        return "silent", f"nothing was heard of it for {now_s - record.heard_s:.0f} s"
    return str(last["state"]), str(last.get("why", ""))


def _notes(record: PairRecord) -> list[str]:
    notes = [
        f"{each}; it differs from that of `gifnet fleet up`" for each in record.last.get("other_files", [])
    ]
    if record.moved_to:
        notes.append(f"moved to {record.moved_to} by hand")
    if record.last.get("niceness", 0) > 0:
        notes.append(
            f"runs with a niceness of {record.last['niceness']}, behind other work; start Ray with "
            "RAY_worker_niceness=0"
        )
    return notes
