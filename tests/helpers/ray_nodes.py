"""A Ray cluster of processes on this machine, whose nodes can be killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

# A node that is gone is noticed in seconds, in place of half a minute. Work has the priority of other
# processes, beside which it would hardly go on where they take all cores.
QUICK = {
    "RAY_worker_niceness": "0",
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass
class RayNodes:
    """A head without cores, and nodes that work.

    Attributes:
        address: HOST:PORT of the head.
        nodes: that work; what `kill` takes.
        labels: of each node that was ever added, by its `id`.
    """

    address: str
    cluster: Any
    nodes: list[Any] = field(default_factory=list)
    labels: dict[int, dict[str, str]] = field(default_factory=dict)

    def add(self, cpus: int, **labels: str) -> Any:
        """A further node, with labels."""
        node = self.cluster.add_node(num_cpus=cpus, labels=labels)
        self.nodes.append(node)
        self.labels[id(node)] = labels
        return node

    def number(self, node: Any) -> str:
        """Ray's number of a node, from its labels there."""
        from ray import nodes

        wanted = self.labels[id(node)].items()
        return next(
            str(each["NodeID"]) for each in nodes() if each["Alive"] and wanted <= each["Labels"].items()
        )

    def kill(self, node: Any) -> None:
        """End a node as a power cut does: its Ray and every process of its jobs."""
        self.cluster.remove_node(node, allow_graceful=False)
        self.nodes.remove(node)


@contextmanager
def ray_nodes(count: int, cpus: int = 1) -> Iterator[RayNodes]:
    """A cluster with so many nodes beside its head; ended with the block.

    Args:
        count: of nodes.
        cpus: that each node says to have.
    """
    from stream.cluster.connection import import_ray

    before = dict(os.environ)
    os.environ.update(QUICK)
    import_ray()
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        nodes = RayNodes(cluster.address, cluster)
        for _ in range(count):
            nodes.add(cpus)
        cluster.wait_for_nodes()
        yield nodes
    finally:
        cluster.shutdown()
        os.environ.clear()
        os.environ.update(before)


def need_ray() -> None:
    """Skip a test where Ray is missing; fail it where REQUIRE_RAY=1."""
    try:
        import ray  # noqa: F401
    except ImportError:
        message = "Ray is not installed; install gifnet-stream[ray]"
        if os.environ.get("REQUIRE_RAY") == "1":
            pytest.fail(message)
        pytest.skip(message)
