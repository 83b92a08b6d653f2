"""Nodes of a Ray cluster: their names, and which of them can hold a pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stream.fleet.cluster.spec import Placement

# A node is called by this label, or by its host name.
NAME_LABEL = "node"
_ID_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is there.

    Attributes:
        number: of Ray; another one when Ray is started again on the machine.
        name: for people.
        resources: in all, free or not.
        labels: of `ray start --labels`.
    """

    number: str
    name: str
    resources: dict[str, float]
    labels: dict[str, str]


def living_nodes(listed: Iterable[dict[str, Any]]) -> list[Node]:
    """Nodes that are there, from what `ray.nodes()` gives; each has a name of its own."""
    alive = [each for each in listed if each["Alive"]]
    names = [each["Labels"].get(NAME_LABEL) or each["NodeManagerHostname"] for each in alive]
    shared = {name for name, count in Counter(names).items() if count > 1}
    return [
        Node(
            each["NodeID"],
            f"{name}-{each['NodeID'][:_ID_CHARACTERS]}" if name in shared else name,
            each["Resources"],
            each["Labels"],
        )
        for each, name in zip(alive, names, strict=True)
    ]


def waiting_for(placement: Placement, nodes: Sequence[Node], drained: Iterable[str]) -> str:
    """The reason why no node takes a pair now, as a state; nodes that are large enough may be full."""
    kept_off = set(drained)
    fitting = [node for node in nodes if placement.fits(node.resources, node.labels)]
    if not fitting:
        return f"waiting for a node with {placement.in_words()}"
    free = [node for node in fitting if node.number not in kept_off]
    if not free:
        return f"waiting for a node with {placement.in_words()} that is not drained"
    names = ", ".join(sorted(node.name for node in free))
    return f"waiting for room: {placement.in_words()} on {names}"
