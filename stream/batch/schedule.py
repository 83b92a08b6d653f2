"""The loop of a batch: begins jobs as places become free, tries again what may pass, keeps the account."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from stream.batch.engine import Engine
from stream.batch.job import FAILURES, Job, Outcome, Record
from stream.batch.results import Results

LOOK_EVERY_S = 0.2


class Asked(Protocol):
    """Wishes of the user, given by signals.

    Attributes:
        drain: begin nothing more, and wait for what goes on.
        stop: stop that too.
    """

    drain: bool
    stop: bool


@dataclass(slots=True)
class Tally:
    """The account of a batch.

    Attributes:
        rows: of the manifest.
        done: rows fused now.
        unchanged: rows that an earlier batch did.
        failed: outcomes of rows that failed, by the kind of failure.
        not_done: rows that were stopped or never begun.
        retries: attempts that failed and were followed by another one, by the kind of failure.
        size_bytes: of the inputs of everything that is to be done.
        finished_bytes: of those that ended.
        shares: of the jobs that go on, by name.
    """

    rows: int
    done: int = 0
    unchanged: int = 0
    failed: dict[str, list[Outcome]] = field(default_factory=dict)
    not_done: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    size_bytes: int = 0
    finished_bytes: int = 0
    shares: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """Rows that failed."""
        return sum(map(len, self.failed.values()))

    @property
    def share(self) -> float:
        """Share of the work that is done, by the bytes of inputs."""
        going = sum(share * size for share, size in self.shares.values())
        return (self.finished_bytes + going) / self.size_bytes if self.size_bytes else 0.0


def work(
    jobs: list[Job],
    engine: Engine,
    results: Results,
    tally: Tally,
    asked: Asked,
    retries: int,
    tell: Callable[[Tally], None] = lambda tally: None,
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> None:
    """Do all jobs.

    Args:
        jobs: in the order in which they are to begin.
        engine: does them; open.
        results: gets a record of every job that is done or has failed for good.
        tally: kept up to date.
        asked: looked at all the time.
        retries: further attempts at a job whose failure may pass.
        tell: called several times a second.
        told: called with the outcome of every job that failed for good.

    Raises:
        ConfigError: the list of results cannot be written.
    """
    waiting, going = deque(jobs), dict[str, Job]()
    tally.size_bytes = sum(_size(job) for job in jobs)
    stopped = False
    while going or (waiting and not asked.drain):
        if asked.stop and not stopped:
            engine.stop()
            stopped = True
        while waiting and len(going) < engine.slots and not asked.drain:
            job = waiting.popleft()
            going[job.name] = job
            engine.begin(job)
        for name, said in engine.wait(LOOK_EVERY_S):
            job = going[name]
            if isinstance(said, float):
                tally.shares[name] = said, _size(job)
                continue
            del going[name]
            tally.shares.pop(name, None)
            if said.may_pass and job.attempt <= retries and not asked.drain:
                tally.retries[said.kind] += 1
                waiting.append(job.again(said.reason))
                continue
            _count(job, said, tally)
            if said.status != "stopped":
                results.add(record_of(job, said))
            if said.status == "failed":
                told(said)
        tell(tally)
    tally.not_done += len(waiting)


def _count(job: Job, outcome: Outcome, tally: Tally) -> None:
    tally.finished_bytes += _size(job)
    match outcome.status:
        case "done":
            tally.done += 1
        case "unchanged":
            tally.unchanged += 1
        case "failed":
            tally.failed.setdefault(outcome.kind, []).append(outcome)
        case "stopped":
            tally.not_done += 1


def record_of(job: Job, outcome: Outcome) -> Record:
    """The line of the list of results for a job that ended."""
    account = {"attempts": job.attempt, "failed_before": list(job.reasons)}
    if outcome.status == "failed":
        files = (job.earlier or {}).get("files", [])
        why = {"kind": outcome.kind, "why": FAILURES[outcome.kind][0], "reason": outcome.reason}
        return {"output": job.name, "row": job.place, "status": "failed", **why, **account, "files": files}
    return {**outcome.record, "status": "done", **({} if outcome.status == "unchanged" else account)}


def _size(job: Job) -> int:
    return max(1, job.size_bytes)
