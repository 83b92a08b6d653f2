"""A batch in the process of a test: the plan, the loop and the jobs, without worker processes."""

from __future__ import annotations

import sys
from collections import deque
from pathlib import Path
from typing import Any, Self

from stream.batch.execute import execute
from stream.batch.job import Job, Outcome, Record
from stream.batch.manifest import Row
from stream.batch.plan import plan_batch
from stream.batch.results import open_results, read_results
from stream.batch.schedule import work
from stream.batch.tally import Tally
from stream.config.batch import BatchSettings


def command(manifest: Path, out: Path, *words: str) -> list[str]:
    """The command line of a batch without a network, for a process of its own."""
    line = [sys.executable, "-m", "stream", "batch", str(manifest), "-o", str(out), "--model", "null"]
    return [*line, "--device", "cpu", *words]


class HereEngine:
    """Does jobs one after the other, in this process.

    Attributes:
        outcomes: of all jobs so far, in order.
    """

    def __init__(self) -> None:
        self.slots, self.where = 1, "here"
        self.outcomes: list[Outcome] = []
        self._going: deque[Job] = deque()

    def begin(self, job: Job) -> None:
        self._going.append(job)

    def wait(self, timeout_s: float) -> list[tuple[str, float | Outcome]]:
        job = self._going.popleft()
        self.outcomes.append(execute(job))
        return [(job.name, self.outcomes[-1])]

    def stop(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class Asked:
    """Nobody presses Ctrl-C."""

    drain = stop = False


def batch(
    folder: Path,
    rows: list[dict[str, Any]],
    cut_s: float | None = None,
    *,
    upload: str | None = None,
    staging_gb: float = 50,
    **common: Any,
) -> tuple[Tally, list[Outcome], dict[str, Record]]:
    """Do the rows of a batch.

    Args:
        folder: of the outputs.
        rows: values by column.
        cut_s: seconds of parts.
        upload: URL of the outputs.
        staging_gb: most gigabytes of copies of inputs.
        common: settings of all rows by name.

    Returns:
        The account, the outcomes of all jobs, and the records by output.
    """
    listed = [Row(f"line {number}", values) for number, values in enumerate(rows, start=2)]
    settings = BatchSettings(cut=cut_s, upload=upload, staging_gb=staging_gb, retries=1)
    plan = plan_batch(listed, folder, {"device": "cpu", **common}, None, read_results(folder), settings)
    engine, tally = HereEngine(), Tally(rows=len(rows), unchanged=len(plan.done))
    with open_results(folder, [job.name for job in plan.jobs if job.cut_s]) as results:
        work(plan.jobs, engine, results, tally, Asked(), settings)
    return tally, engine.outcomes, read_results(folder)
