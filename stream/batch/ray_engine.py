"""The nodes of a Ray cluster as an engine: a task of Ray Core for every recording."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from stream.batch.engine import Engine
from stream.batch.job import Job, Outcome, failed
from stream.cluster.connection import connected
from stream.config.batch import BatchSettings
from stream.errors import ConfigError

# More tasks than fit, so that a place that becomes free is filled at once, also of a node that joins.
SPARE_SLOTS = 2
_EXAMINE_S = 120.0


class RayEngine:
    """Hands jobs to Ray, which finds a node with enough cores and GPUs for each."""

    def __init__(self, address: str, settings: BatchSettings, jobs: Sequence[Job]) -> None:
        """Connect to nothing yet.

        Args:
            address: see `connected`.
            settings: cores and GPUs that a job takes.
            jobs: that are to be done; every node is asked whether it can.
        """
        self.slots, self.where = 1, f"the Ray cluster {address}"
        self._settings = settings
        self._samples = list({job.weights_sha256: json.dumps(job.as_json()) for job in jobs}.values())
        self._connection = connected(address)
        self._ray: Any = None
        self._task: Any = None
        self._going: dict[Any, Job] = {}
        # Nodes where attempts at a job failed: another one may have the room that they lack.
        self._failed_on: defaultdict[str, set[str]] = defaultdict(set)

    def __enter__(self) -> Self:
        """Connect, and ask every node.

        Raises:
            ConfigError: the cluster is not there, or a node cannot do the work.
        """
        self._ray = self._connection.__enter__()
        try:
            self._check_room()
            self._examine()
            # Attempts are counted by the batch, which tells their reasons; processes of Ray stay.
            self._task = self._ray.remote(
                num_cpus=self._settings.ray_cpus,
                num_gpus=self._settings.ray_gpus,
                max_retries=0,
                max_calls=0,
            )(run_on_node)
            self._count_slots()
        except BaseException:
            self._connection.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what goes on, and leave the cluster."""
        self.stop()
        self._connection.__exit__(kind, error, trace)

    def begin(self, job: Job) -> None:
        """Hand a job to Ray; one that failed goes to another node where there is one."""
        task = self._task
        if other := self._other_node(self._failed_on[job.name]):
            task = task.options(scheduling_strategy=other)
        self._going[task.remote(json.dumps(job.as_json()))] = job

    def _other_node(self, failed_on: set[str]) -> Any:
        """The strategy that prefers a node where the job has not failed; None where any will do."""
        if not failed_on:
            return None
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        others = [node["NodeID"] for node in self._nodes() if self._places(node)]
        other = next((node for node in others if node not in failed_on), None)
        return other and NodeAffinitySchedulingStrategy(other, soft=True)

    def wait(self, timeout_s: float) -> list[tuple[str, float | Outcome]]:
        """Outcomes of the jobs that ended."""
        self._count_slots()
        ready, _ = self._ray.wait(list(self._going), timeout=timeout_s)
        return [(self._going[task].name, self._outcome(task, self._going.pop(task))) for task in ready]

    def stop(self) -> None:
        """Cancel all of them."""
        for task in self._going:
            self._ray.cancel(task)

    def _outcome(self, task: Any, job: Job) -> Outcome:
        errors = self._ray.exceptions
        try:
            node, outcome = self._ray.get(task)
            said = Outcome.from_json(json.loads(outcome))
            if said.may_pass:
                self._failed_on[job.name].add(node)
            return said
        except errors.TaskCancelledError:
            return Outcome(job.name, "stopped", reason="stopped")
        except errors.RayTaskError as error:
            return failed(job, "node", f"its task failed on a node: {str(error).strip().splitlines()[-1]}")
        except errors.RayError as error:
            return failed(job, "lost", f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]

    def _places(self, node: dict[str, Any]) -> int:
        """Jobs that a node holds at once."""
        resources, cpus, gpus = node["Resources"], self._settings.ray_cpus, self._settings.ray_gpus
        by_cpus = math.floor(float(resources.get("CPU", 0)) / cpus)
        return min(by_cpus, math.floor(float(resources.get("GPU", 0)) / gpus)) if gpus else by_cpus

    def _count_slots(self) -> None:
        self.slots = sum(map(self._places, self._nodes())) + SPARE_SLOTS

    def _check_room(self) -> None:
        if not any(map(self._places, self._nodes())):
            wanted = f"{self._settings.ray_cpus:g} cores and {self._settings.ray_gpus:g} GPUs"
            raise ConfigError(
                f"no node of {self.where} has {wanted}, which --ray-cpus and --ray-gpus set aside for each "
                "recording; ask for less"
            )

    def _examine(self) -> None:
        """Refuse a cluster with nodes that would give other results, or none.

        Raises:
            ConfigError: names them all.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from stream.batch.ray_task import examine_node

        ask = self._ray.remote(num_cpus=0, max_retries=0)(examine_node)
        asked = {
            ask.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(self._samples): node["NodeManagerAddress"]
            for node in self._nodes()
        }
        answered, silent = self._ray.wait(list(asked), num_returns=len(asked), timeout=_EXAMINE_S)
        problems = [f"{asked[task]} does not answer" for task in silent]
        problems += [f"{asked[task]}: {why}" for task in answered if (why := self._why(task))]
        if problems:
            raise ConfigError("nodes cannot do the work: " + "; ".join(sorted(problems)))

    def _why(self, task: Any) -> str:
        try:
            return str(self._ray.get(task))
        except self._ray.exceptions.RayError as error:
            return f"gifnet-stream does not run there ({str(error).strip().splitlines()[-1]})"


def run_on_node(job: str) -> tuple[str, str]:
    """Do a job in a child of a node.

    Args:
        job: as JSON.

    Returns:
        The node's own name, and the outcome as JSON.
    """
    import ray

    from stream.batch.ray_task import run_job

    return ray.get_runtime_context().get_node_id(), run_job(job)


def open_ray(address: str, settings: BatchSettings, jobs: Sequence[Job]) -> AbstractContextManager[Engine]:
    """The engine, to be used in a `with`."""
    return RayEngine(address, settings, jobs)
