"""A recorded pair to be fused, and what became of it; plain values that travel between processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

# Record of a finished row in the list of results.
Record = dict[str, Any]
# `done` now, `unchanged` since an earlier batch did it, `failed`, or `stopped` before its end; `cut`: its
# parts are to be fused in its place; `whole`: the parts cannot be joined, it is to be fused in one piece.
Status = Literal["done", "unchanged", "failed", "stopped", "cut", "whole"]

# Kind of a failure -> what it means, and whether another attempt may go better.
FAILURES: dict[str, tuple[str, bool]] = {
    "source": ("an input cannot be read", False),
    "loss": ("much of a recording was missing (--allow-loss takes it)", False),
    "pairing": ("the two streams cannot be paired", False),
    "calibration": ("the calibration does not fit", False),
    "settings": ("the settings do not fit", False),
    "weights": ("the weights cannot be loaded", False),
    "device": ("the device does not do it", True),
    "output": ("the output cannot be written", True),
    "storage": ("object storage does not answer, or refuses", True),
    "changed": ("an input changed while it was fused", True),
    "node": ("a node lacks the weights, or has another version", True),
    "memory": ("there was not enough memory", True),
    "crash": ("the process crashed", True),
    "lost": ("the node or its worker was lost", True),
    "mistake": ("a mistake in this program", False),
}


@dataclass(frozen=True, slots=True)
class Job:
    """One row, a part of one, or the joining of its parts, ready to be done.

    Attributes:
        place: of the row in the manifest, for messages.
        name: of the output, relative to the folder of the batch.
        folder: of the batch, absolute.
        settings: nested values for `RunSettings`; the output's URI is the place where it goes in the end.
        weights_sha256: of the weights that are to be used; empty for no network.
        version: of gifnet-stream that planned the job.
        size_bytes: of both inputs, for the time that is left.
        earlier: record of an earlier batch, if there is one.
        attempt: from 1.
        reasons: why earlier attempts failed.
        upload: URL of a folder in object storage, where the output goes in place of `folder`; or empty.
        staged_bytes: of inputs that are copied from object storage to this disk.
        cut_s: seconds of the parts that a long recording is cut into; None fuses it whole.
        whole_because: reason why it is fused whole although parts were asked for; empty where it need not be
            told.
        part: the part of the row that is fused, as `Part.as_json`; None for the row.
        row: name of the output of a part's row; empty for rows.
        cut: as `Cut.as_json`, where parts are to be joined.
        parts: their records.
        inputs: signs and contents of inputs that were read before, as in a record.
    """

    place: str
    name: str
    folder: str
    settings: dict[str, Any]
    weights_sha256: str
    version: str
    size_bytes: int = 0
    earlier: Record | None = None
    attempt: int = 1
    reasons: tuple[str, ...] = ()
    upload: str = ""
    staged_bytes: int = 0
    cut_s: float | None = None
    whole_because: str = ""
    part: dict[str, Any] | None = None
    row: str = ""
    cut: dict[str, Any] = field(default_factory=dict)
    parts: tuple[Record, ...] = ()
    inputs: tuple[dict[str, str], ...] = ()

    @property
    def output(self) -> Path:
        """The place where the output goes."""
        return Path(self.folder) / self.name

    def url_of(self, name: str) -> str:
        """The place in object storage of a file of the output; empty where it stays in `folder`."""
        return f"{self.upload.rstrip('/')}/{name}" if self.upload and not self.row else ""

    def again(self, reason: str) -> Job:
        """The next attempt."""
        return replace(self, attempt=self.attempt + 1, reasons=(*self.reasons, reason))

    def as_json(self) -> dict[str, Any]:
        """Plain values for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The job that `as_json` wrote."""
        lists = {key: tuple(values[key]) for key in ("reasons", "parts", "inputs")}
        return cls(**values | lists)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt.

    Attributes:
        name: of the output.
        status: how it ended.
        kind: of a failure, a key of `FAILURES`.
        reason: one sentence on a failure, or a phrase on why it is to be fused whole.
        record: content for the list of results, of what is done; `inputs` and `cut` of what is cut.
    """

    name: str
    status: Status
    kind: str = ""
    reason: str = ""
    record: Record = field(default_factory=dict)

    @property
    def may_pass(self) -> bool:
        """True for a failure that another attempt may not meet."""
        return self.status == "failed" and FAILURES[self.kind][1]

    def as_json(self) -> dict[str, Any]:
        """Plain values for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The outcome that `as_json` wrote."""
        return cls(**values)


def failed(job: Job, kind: str, reason: str) -> Outcome:
    """The outcome of an attempt that failed."""
    return Outcome(job.name, "failed", kind, reason)
