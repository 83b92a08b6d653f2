from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stream.batch.job import Job, Outcome
from stream.batch.process import WorkerProcess
from stream.monitoring.report import versions
from tests.helpers.patience import patience

LONG, SHORT = (
    "synthetic://street?seed=1&size=64x48&duration=3600",
    "synthetic://street?seed=1&size=64x48&duration=0.1",
)


def job(folder: Path, uri: str) -> Job:
    settings = {
        "visible": {"uri": uri},
        "thermal": {"uri": uri},
        "fusion": {"model": "null"},
        "device": "cpu",
        "outputs": [{"uri": str(folder / "x.mp4")}],
    }
    return Job("line 2", "x.mp4", str(folder), settings, "", versions()["gifnet-stream"])


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess({"OMP_NUM_THREADS": "1"})
    yield process
    process.close()


def child_of(worker: WorkerProcess) -> int:
    """The process that does the job, once it writes."""
    assert worker._process
    pid = worker._process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    end_s = time.monotonic() + patience(60)
    while not children.read_text().split():
        assert time.monotonic() < end_s
        time.sleep(0.05)
    return int(children.read_text().split()[0])


def test_a_worker_outlives_the_jobs_that_crash_and_stops_when_asked(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    worker.begin(job(tmp_path, LONG))
    os.kill(child_of(worker), signal.SIGSEGV)
    crashed = next(said for said in worker.hear() if isinstance(said, Outcome))
    assert (crashed.status, crashed.kind, crashed.may_pass) == ("failed", "crash", True)
    assert crashed.reason == "its process was ended by SIGSEGV"

    # The same worker does the next ones; what the next begins with may be sent before the last has gone.
    for name in ("y.mp4", "z.mp4"):
        outcome = worker.run(replace(job(tmp_path, SHORT), name=name))
        assert (outcome.status, outcome.reason) == ("done", "")
        assert (tmp_path / name).is_file()

    worker.begin(job(tmp_path, LONG))
    child = child_of(worker)
    worker.stop()
    stopped = [said for said in worker.hear() if isinstance(said, Outcome)]
    assert [said.status for said in stopped] == ["stopped"]
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert not (tmp_path / "x.mp4").exists()


def test_a_full_disk_is_a_failure_that_may_pass_on_another_node(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    assert worker.run(job(tmp_path, SHORT)).status == "done"
    (tmp_path / "x.mp4").unlink()
    assert worker._process
    # Limits the files that this process and its children write, as on a full disk.
    resource.prlimit(worker._process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
    outcome = worker.run(job(tmp_path, SHORT))
    assert (outcome.status, outcome.kind, outcome.may_pass) == ("failed", "output", True)
    assert "cannot be written" in outcome.reason
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".batch"]
    other = WorkerProcess({"OMP_NUM_THREADS": "1"})
    try:
        assert other.run(job(tmp_path, SHORT).again(outcome.reason)).status == "done"
    finally:
        other.close()


def test_a_worker_that_is_killed_is_a_failure_and_begins_again(worker: WorkerProcess, tmp_path: Path) -> None:
    worker.begin(job(tmp_path, LONG))
    child = child_of(worker)
    assert worker._process
    os.kill(worker._process.pid, signal.SIGKILL)
    # Shares of the job that it told before may come first.
    lost = next(said for _ in range(1000) for said in worker.hear() if isinstance(said, Outcome))
    assert lost.reason == "its worker process was ended from outside"
    end_s = time.monotonic() + patience(30)
    while os.path.exists(f"/proc/{child}") and time.monotonic() < end_s:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{child}"), "the child lives on without its worker"
    assert worker.run(job(tmp_path, SHORT)).status == "done"
