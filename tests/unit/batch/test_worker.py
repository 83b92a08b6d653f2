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
    process = WorkerProcess()
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


def outcome_of(worker: WorkerProcess) -> Outcome:
    """The next outcome; shares of the job may come first."""
    return next(said for _ in range(1000) for _, said in worker.hear() if isinstance(said, Outcome))


def test_a_worker_outlives_the_jobs_that_crash_and_stops_when_asked(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    worker.begin(job(tmp_path, LONG))
    os.kill(child_of(worker), signal.SIGSEGV)
    crashed = outcome_of(worker)
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
    assert outcome_of(worker).status == "stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert not (tmp_path / "x.mp4").exists()


def test_a_job_that_does_not_stop_is_killed_and_no_crash(worker: WorkerProcess, tmp_path: Path) -> None:
    """The child stands still, so that it does not follow SIGTERM; this takes `STOP_S`."""
    worker.begin(job(tmp_path, LONG))
    child = child_of(worker)
    os.kill(child, signal.SIGSTOP)
    worker.stop()
    assert outcome_of(worker).status == "stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


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
    other = WorkerProcess()
    try:
        assert other.run(job(tmp_path, SHORT).again(outcome.reason)).status == "done"
    finally:
        other.close()


def test_a_worker_that_is_killed_is_a_failure_and_begins_again(worker: WorkerProcess, tmp_path: Path) -> None:
    worker.begin(job(tmp_path, LONG))
    child = child_of(worker)
    assert worker._process
    os.kill(worker._process.pid, signal.SIGKILL)
    lost = outcome_of(worker)
    assert lost.reason == "its worker process was ended from outside"
    end_s = time.monotonic() + patience(30)
    while os.path.exists(f"/proc/{child}") and time.monotonic() < end_s:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{child}"), "the child lives on without its worker"
    assert worker.run(job(tmp_path, SHORT)).status == "done"


def test_jobs_go_on_side_by_side_and_the_death_of_the_worker_is_the_end_of_all(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    names = ("x.mp4", "y.mp4")
    for name in names:
        worker.begin(replace(job(tmp_path, LONG), name=name), {"OMP_NUM_THREADS": "1"})
    child_of(worker)
    done = worker.run(replace(job(tmp_path, SHORT), name="z.mp4"))
    assert done.status == "done" and set(worker.jobs) == set(names)
    assert worker._process
    os.kill(worker._process.pid, signal.SIGKILL)
    heard = [(name, said) for _ in range(1000) if worker.jobs for name, said in worker.hear()]
    lost = {name: said.kind for name, said in heard if isinstance(said, Outcome)}
    assert lost == dict.fromkeys(names, "crash")


def test_a_service_manager_that_ends_all_processes_leaves_the_worker_to_tell_of_it(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    worker.begin(job(tmp_path, LONG))
    child = child_of(worker)
    assert worker._process
    for pid in (worker._process.pid, child):
        os.kill(pid, signal.SIGTERM)
    assert outcome_of(worker).reason in ("stopped by SIGTERM", "its process was ended by SIGTERM")
    assert worker.run(job(tmp_path, SHORT)).status == "done"


def test_what_a_library_prints_is_no_answer(
    worker: WorkerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello from a library')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert worker.run(job(tmp_path, SHORT)).status == "done"


def test_a_driver_that_sends_a_long_job_does_not_wait_for_one_that_is_told(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    # The answer and the next job are both longer than a pipe holds; neither side reads while it writes.
    long_name = replace(job(tmp_path, SHORT), place="x" * 500_000, name="y.mp4", version="0")
    for number in range(4):
        worker.begin(replace(long_name, version="v" * 200_000, name=f"{number}.mp4"))
    ended = [outcome_of(worker) for _ in range(4)]
    assert {each.kind for each in ended} == {"node"}
