"""Engines that do jobs, some at a time: processes of this machine, and those that a cluster has."""

from __future__ import annotations

import os
import selectors
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
    """Processes of this machine, each with its share of the cores, and a GPU if there are some."""

    def __init__(self, jobs: int | None, device: str, worker: WorkerProcess) -> None:
        """Start nothing yet.

        Args:
            jobs: at once; None for one a core, or `JOBS_A_GPU` a GPU.
            device: that the recordings ask for; `cpu` looks for no GPU.
            worker: does the jobs; it is ended with this engine.
        """
        gpus = _gpus() if device != "cpu" else []
        self.slots = jobs or (JOBS_A_GPU * len(gpus) if gpus else cores())
        self.where = f"{self.slots} process{'' if self.slots == 1 else 'es'} of this machine"
        self._worker, self._threads = worker, str(max(1, cores() // self.slots))
        # Jobs that have fused everything and wait for the disk: meanwhile others have their cores.
        self._at_once, self._ending = self.slots, set[str]()
        # GPUs by the names of the jobs that are on them.
        self._on: dict[str, list[str]] = {gpu: [] for gpu in gpus}

    def begin(self, job: Job) -> None:
        """Give a job to the worker, on the GPU that has the fewest."""
        environment = {"OMP_NUM_THREADS": self._threads}
        if self._on:
            gpu = min(self._on, key=lambda each: len(self._on[each]))
            self._on[gpu].append(job.name)
            environment["CUDA_VISIBLE_DEVICES"] = gpu
        self._worker.begin(job, environment)

    def wait(self, timeout_s: float) -> list[tuple[str, float | Outcome]]:
        """Wait for the next that the worker says."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._worker, selectors.EVENT_READ)
            heard = list(self._worker.hear()) if selector.select(timeout_s) else []
        ended = {name for name, said in heard if isinstance(said, Outcome)}
        self._ending = (self._ending | {name for name, said in heard if said == 1.0}) - ended
        self.slots = self._at_once + min(len(self._ending), self._at_once)
        self._on = {gpu: [name for name in names if name not in ended] for gpu, names in self._on.items()}
        return heard

    def stop(self) -> None:
        """Stop all of them."""
        self._worker.stop()

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End all of them."""
        self.stop()
        self._worker.close()


def _gpus() -> list[str]:
    """Numbers or names of the GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip()]
    if not any(map(os.path.exists, _DRIVERS)):
        return []
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
