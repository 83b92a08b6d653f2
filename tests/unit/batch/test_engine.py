from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import pytest

from stream.batch.engine import LocalEngine
from stream.batch.job import Job, Outcome
from stream.batch.process import WorkerProcess


class ToldWorker(WorkerProcess):
    """Says what it is told to; keeps the environment of each job."""

    def __init__(self) -> None:
        super().__init__()
        self.says: list[tuple[str, float | Outcome]] = []
        self.environments: list[dict[str, str]] = []
        self._answers, self._end = os.pipe()

    def begin(self, job: Job, environment: Mapping[str, str] | None = None) -> None:
        self.environments.append(dict(environment or {}))

    def hear(self) -> Iterator[tuple[str, float | Outcome]]:
        os.read(self._answers, 1)
        says, self.says = self.says, []
        yield from says

    def say(self, *says: tuple[str, float | Outcome]) -> None:
        self.says += says
        os.write(self._end, b"x")


@pytest.fixture
def worker() -> Iterator[ToldWorker]:
    worker = ToldWorker()
    yield worker
    os.close(worker._answers)
    os.close(worker._end)


def job(name: str) -> Job:
    return Job("", name, "/none", {}, "", "1")


def test_a_job_that_waits_for_the_disk_leaves_its_place_to_another(worker: ToldWorker) -> None:
    engine = LocalEngine(2, "cpu", worker)
    engine.begin(job("a"))
    engine.begin(job("b"))
    worker.say(("a", 0.99), ("b", 1.0))
    assert engine.wait(10) and engine.slots == 3
    # As many again at most, where the disk hangs.
    worker.say(("a", 1.0), ("c", 1.0))
    assert engine.wait(10) and engine.slots == 4
    worker.say(*((name, Outcome(name, "done")) for name in "abc"))
    assert engine.wait(10) and engine.slots == 2
    assert engine.wait(0) == []


def test_jobs_are_shared_out_among_gpus(worker: ToldWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    engine = LocalEngine(None, "auto", worker)
    assert engine.slots == 4
    for name in "abc":
        engine.begin(job(name))
    worker.say(("b", Outcome("b", "done")))
    engine.wait(10)
    engine.begin(job("d"))
    given = [each["CUDA_VISIBLE_DEVICES"] for each in worker.environments]
    assert given == ["3", "5", "3", "5"]
    assert {each["OMP_NUM_THREADS"].isdigit() for each in worker.environments} == {True}
