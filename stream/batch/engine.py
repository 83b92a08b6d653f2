"""Engines that do jobs, some at a time: processes of this machine, and those that a cluster has."""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from stream.batch.job import Job, Outcome
from stream.batch.process import WorkerProcess
from stream.runtime.cpu_threads import cores

JOBS_A_GPU = 2
# One of them is there where CUDA is; to ask torch takes seconds, most of which are its import.
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/proc/driver/nvidia")


class Engine(Protocol):
    """Does jobs; used by one thread, in a `with`.

    Attributes:
        slots: jobs that it takes at once; may change while it works.
        where: what it is, in words.
    """

    slots: int
    where: str

    def begin(self, job: Job) -> None:
        """Begin a job, while fewer than `slots` go on."""

    def wait(self, timeout_s: float) -> list[tuple[str, float | Outcome]]:
        """News of jobs by the names of their outputs: the share that is done, or how they ended."""

    def stop(self) -> None:
        """Stop every job now; `wait` tells of their ends."""

    def __enter__(self) -> Self:
        """The engine itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything that it started."""


class LocalEngine:
    """Worker processes of this machine, each with its share of the cores, and a GPU if there are some."""

    def __init__(self, jobs: int | None, device: str) -> None:
        """Start nothing yet.

        Args:
            jobs: at once; None for one a core, or `JOBS_A_GPU` a GPU.
            device: that the recordings ask for; `cpu` looks for no GPU.
        """
        gpus = _gpus() if device != "cpu" else []
        self.slots = jobs or (JOBS_A_GPU * len(gpus) if gpus else cores())
        self.where = f"{self.slots} process{'' if self.slots == 1 else 'es'} of this machine"
        threads = {"OMP_NUM_THREADS": str(max(1, cores() // self.slots))}
        self._workers = [
            WorkerProcess(threads | ({"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {}))
            for number in range(self.slots)
        ]

    def begin(self, job: Job) -> None:
        """Give a job to a worker that has none."""
        next(worker for worker in self._workers if worker.job is None).begin(job)

    def wait(self, timeout_s: float) -> list[tuple[str, float | Outcome]]:
        """Wait for the next that a worker says."""
        return list(self._heard(timeout_s))

    def _heard(self, timeout_s: float) -> Iterator[tuple[str, float | Outcome]]:
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                if worker.job is not None:
                    selector.register(worker, selectors.EVENT_READ, worker)
            for key, _ in selector.select(timeout_s):
                name = key.data.job.name
                for said in key.data.hear():
                    yield name, said

    def stop(self) -> None:
        """Stop all of them."""
        for worker in self._workers:
            worker.stop()

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End all of them."""
        self.stop()
        for worker in self._workers:
            worker.close()


def _gpus() -> list[str]:
    """Numbers or names of the GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip()]
    if not any(map(os.path.exists, _DRIVERS)):
        return []
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
