"""The account of a batch while it works, and the lines that stay of its jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from stream.batch.job import FAILURES, Job, Outcome, Record


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

    def count(self, outcome: Outcome) -> None:
        """Count a row that ended."""
        match outcome.status:
            case "done":
                self.done += 1
            case "unchanged":
                self.unchanged += 1
            case "failed":
                self.failed.setdefault(outcome.kind, []).append(outcome)
            case "stopped":
                self.not_done += 1


def record_of(job: Job, outcome: Outcome) -> Record:
    """The line of the list of results for a job that ended."""
    account = {"attempts": job.attempt, "failed_before": list(job.reasons)}
    if outcome.status == "failed":
        files = (job.earlier or {}).get("files", [])
        why = {"kind": outcome.kind, "why": FAILURES[outcome.kind][0], "reason": outcome.reason}
        return {"output": job.name, "row": job.place, "status": "failed", **why, **account, "files": files}
    return {**outcome.record, "status": "done", **({} if outcome.status == "unchanged" else account)}
