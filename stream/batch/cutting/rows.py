"""A row that was cut: its parts as jobs, what became of them, and the job that joins them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from stream.batch.job import Job, Outcome, Record, failed

PARTS = ".batch/parts"
"""Folder of parts in that of the batch."""


def parts_folder(name: str) -> str:
    """Folder of the parts of an output, relative to that of the batch."""
    return f"{PARTS}/{hashlib.sha256(name.encode()).hexdigest()[:16]}"


class CutRow:
    """Jobs of the parts of one row; all records here are those of parts.

    Attributes:
        job: of the row.
        jobs: of its parts, in order.
        finished_bytes: share of the row's inputs that ended parts stand for.
    """

    def __init__(self, job: Job, outcome: Outcome, earlier: Mapping[str, Record]) -> None:
        """Take over what an attempt at the row found out.

        Args:
            job: of the row.
            outcome: its cut.
            earlier: records of parts by their names, of earlier batches.
        """
        self.job, self.finished_bytes = job, 0
        self._cut, self._inputs = outcome.record["cut"], tuple(outcome.record["inputs"])
        self._done: dict[int, Record] = {}
        parts = self._cut["parts"]
        names = [f"{parts_folder(job.name)}/{each['number']:04d}{Path(job.name).suffix}" for each in parts]
        self.jobs = [
            replace(
                job,
                name=name,
                row=job.name,
                part=part,
                size_bytes=job.size_bytes // len(parts),
                earlier=earlier.get(name),
                cut_s=None,
                inputs=self._inputs,
                attempt=1,
                reasons=(),
            )
            for name, part in zip(names, parts, strict=True)
        ]

    def took(self, record: Record) -> bool:
        """Note a part that is done; True when it was the last one."""
        self._done[record["part"]["number"]] = record
        return len(self._done) == len(self.jobs)

    def join(self) -> Job:
        """The job that joins the parts."""
        parts = tuple(self._done[number] for number in range(len(self.jobs)))
        return replace(self.job, cut=self._cut, parts=parts, inputs=self._inputs, cut_s=None, size_bytes=0)

    def whole(self, reason: str) -> Job:
        """The job that fuses the row in one piece."""
        return replace(self.job, cut_s=None, whole_because=reason)

    def failed(self, part: Job, outcome: Outcome) -> Outcome:
        """The outcome of the row where a part failed for good."""
        assert part.part
        number, count = part.part["number"] + 1, len(self.jobs)
        since = f", from {part.part['start_s']:.3f} s" if part.part["start_s"] else ""
        return failed(self.job, outcome.kind, f"part {number} of {count}{since}: {outcome.reason}")
