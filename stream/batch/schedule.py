"""The loop of a batch: begins jobs as places become free, tries again what may pass, keeps the account."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from stream.batch.cutting.rows import CutRow
from stream.batch.engine import Engine
from stream.batch.job import Job, Outcome, failed
from stream.batch.results import Results
from stream.batch.tally import Tally, record_of
from stream.config.batch import BatchSettings

LOOK_EVERY_S = 0.2


class Asked(Protocol):
    """Wishes of the user, given by signals.

    Attributes:
        drain: begin nothing more, and wait for what goes on.
        stop: stop that too.
    """

    drain: bool
    stop: bool


def work(
    jobs: list[Job],
    engine: Engine,
    results: Results,
    tally: Tally,
    asked: Asked,
    settings: BatchSettings,
    tell: Callable[[Tally], None] = lambda tally: None,
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> None:
    """Do all jobs.

    Args:
        jobs: of rows, in the order in which they are to begin.
        engine: does them; open.
        results: gets a record of every row and part that is done, and of rows that failed for good.
        tally: kept up to date.
        asked: looked at all the time.
        settings: how often what may pass is tried again, and how much room copies of inputs have.
        tell: called several times a second.
        told: called with the outcome of every row that failed for good.

    Raises:
        ConfigError: the list of results cannot be written.
    """
    tally.size_bytes = sum(map(_size, jobs))
    loop = _Loop(jobs, results, tally, asked, settings, told)
    stopped = False
    while loop.going or (loop.waiting and not asked.drain):
        if asked.stop and not stopped:
            engine.stop()
            stopped = True
        while loop.may_begin and len(loop.going) < engine.slots and not asked.drain:
            engine.begin(loop.next())
        for name, said in engine.wait(LOOK_EVERY_S):
            loop.hear(name, said)
        tell(tally)
    tally.not_done += loop.left


class _Loop:
    """The jobs that wait and go on, and the rows that are done in parts."""

    def __init__(
        self,
        jobs: list[Job],
        results: Results,
        tally: Tally,
        asked: Asked,
        settings: BatchSettings,
        told: Callable[[Outcome], None],
    ) -> None:
        self.waiting, self.going = deque(jobs), dict[str, Job]()
        self._rows: dict[str, CutRow] = {}
        self._results, self._tally, self._asked = results, tally, asked
        self._settings, self._told = settings, told
        # Bytes of inputs that lie on this disk for rows that go on.
        self._staged: dict[str, int] = {}

    @property
    def may_begin(self) -> bool:
        """True where a job waits, and there is room for copies of its inputs."""
        if not self.waiting:
            return False
        job, limit = self.waiting[0], self._settings.staging_gb * 1e9
        others = sum(size for name, size in self._staged.items() if name != (job.row or job.name))
        return not job.staged_bytes or others + job.staged_bytes <= limit

    def next(self) -> Job:
        """The job that begins next."""
        job = self.waiting.popleft()
        self.going[job.name] = job
        if job.staged_bytes:
            self._staged[job.row or job.name] = job.staged_bytes
        return job

    def hear(self, name: str, said: float | Outcome) -> None:
        """Take what a job says: a share of it is done, or its outcome."""
        if isinstance(said, float):
            self._tally.shares[name] = said, _size(self.going[name])
            return
        job = self.going.pop(name)
        if said.status == "stopped" and not self._asked.drain:
            # As a watcher of memory does, which asks the largest process to end.
            said = failed(job, "crash", f"its process was ended from outside: {said.reason}")
        self._tally.shares.pop(name, None)
        if said.may_pass and job.attempt <= self._settings.retries and not self._asked.drain:
            self._tally.retries[said.kind] += 1
            self.waiting.append(job.again(said.reason))
        elif said.status == "cut":
            self._rows[name] = row = CutRow(job, said, self._results.earlier_parts)
            self.waiting.extendleft(reversed(row.jobs))
        elif job.row:
            self._end_part(job, said)
        elif name in self._rows:
            self._end_join(self._rows[name], job, said)
        else:
            self._end_row(job, said)

    @property
    def left(self) -> int:
        """Rows that have not ended when nothing goes on any more, but for those that were stopped."""
        rows = {job.row or job.name for job in self.waiting}
        return len(rows | set(self._rows))

    def _end_part(self, job: Job, outcome: Outcome) -> None:
        row = self._rows.get(job.row)
        if outcome.status in ("done", "unchanged"):
            record = record_of(job, outcome)
            self._results.add_part(record)
            if row and row.took(record):
                self.waiting.appendleft(row.join())
        if row is None:  # it has failed by another part
            return
        row.finished_bytes += _size(job)
        self._tally.finished_bytes += _size(job)
        if outcome.status == "failed":
            self.waiting = deque(each for each in self.waiting if each.row != job.row)
            self._close(row)
            self._end_row(row.job, row.failed(job, outcome))

    def _end_join(self, row: CutRow, job: Job, outcome: Outcome) -> None:
        if outcome.status == "stopped":
            return
        self._close(row)
        if outcome.status != "failed":
            self._results.remove_parts(row.job.name)
        if outcome.status == "whole":
            self.waiting.appendleft(row.whole(outcome.reason))
        else:
            self._end_row(replace(job, size_bytes=row.job.size_bytes), outcome)

    def _close(self, row: CutRow) -> None:
        """Count the row by itself from now on, not by its parts."""
        del self._rows[row.job.name]
        self._tally.finished_bytes -= row.finished_bytes

    def _end_row(self, job: Job, outcome: Outcome) -> None:
        self._tally.finished_bytes += _size(job)
        self._tally.count(outcome)
        if self._staged.pop(job.name, None):
            self._results.remove_copies(job.name)
        if outcome.status != "stopped":
            self._results.add(record_of(job, outcome))
        if outcome.status == "failed":
            self._told(outcome)


def _size(job: Job) -> int:
    return max(1, job.size_bytes)
