"""One attempt at a job: compare, fuse or join beside the place of the output, put the result there whole."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gifnet.weight_places import checked_sha256
from stream.batch.compare import contents, is_same, outputs_are_there
from stream.batch.content import settings_sha256
from stream.batch.cutting.cut import Cut, FuseWhole, Part
from stream.batch.cutting.join import account, join_parts
from stream.batch.cutting.planning import cut_recording
from stream.batch.fuse import Tell, fuse_part, fuse_row
from stream.batch.inputs import Inputs
from stream.batch.install import install, work_folder
from stream.batch.job import Job, Outcome, Record, failed
from stream.batch.remote.output import upload_output
from stream.batch.weights import weights_file
from stream.config import RunSettings, validate
from stream.errors import (
    CalibrationError,
    ConfigError,
    DeviceError,
    GifnetError,
    LossError,
    SinkError,
    SourceError,
    StorageError,
    SyncError,
    WeightsError,
)
from stream.monitoring.report import describe_error, versions
from stream.runtime.signals import Stopped
from stream.uri import mask_text

MOST_WARNINGS = 20

_log = logging.getLogger(__name__)

# The first that fits names the kind of a failure.
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (LossError, "loss"),
    (SourceError, "source"),
    (SyncError, "pairing"),
    (CalibrationError, "calibration"),
    (ConfigError, "settings"),
    (WeightsError, "weights"),
    (DeviceError, "device"),
    (SinkError, "output"),
    (StorageError, "storage"),
    (MemoryError, "memory"),
    (OSError, "output"),
)


def execute(job: Job, tell: Tell = lambda share: None) -> Outcome:
    """Do a job in this process; whatever goes wrong becomes an outcome.

    Args:
        job: it.
        tell: called about once a second with the share of the recording that is fused, and with 1 once all
            of it is.
    """
    try:
        with _warnings() as warnings:
            return _execute(job, tell, warnings)
    except Stopped as error:
        return Outcome(job.name, "stopped", reason=str(error))
    except FuseWhole as why:
        return Outcome(job.name, "whole", reason=str(why))
    except Exception as error:
        return failed(job, _kind(error), mask_text(_sentence(error)))


def _execute(job: Job, tell: Tell, warnings: list[str]) -> Outcome:
    if why := unlike(job):
        return failed(job, "node", why)
    settings = validate(RunSettings, job.settings, job.place)
    inputs = Inputs(settings, job)
    record: Record = {
        "output": job.name,
        "row": job.place,
        "settings_sha256": settings_sha256(settings),
        "weights_sha256": job.weights_sha256,
        "inputs": inputs.records,
    }
    if job.part is not None:
        record["part"] = job.part
    if job.earlier and is_same(job.earlier, record) and outputs_are_there(job.earlier, job):
        return Outcome(job.name, "unchanged", record={**job.earlier, "inputs": inputs.records})
    settings = inputs.local_settings()
    if job.cut_s is not None and (cut := _cut(settings, job.cut_s)):
        return Outcome(job.name, "cut", record={"inputs": inputs.records, "cut": cut.as_json()})
    with work_folder(job) as work:
        done = _do(settings, job, record, work / job.output.name, tell)
        tell(1.0)  # what is left is to wait for the disk
        if not inputs.are_unchanged():
            return failed(job, "changed", "an input changed while it was fused; wait until it is whole")
        move = upload_output if job.url_of(job.name) else install
        files = move(work, job, job.earlier)
    told = {"warnings": [*done.pop("warnings", []), *warnings][:MOST_WARNINGS]}
    return Outcome(job.name, "done", record=record | files | done | told)


def _cut(settings: RunSettings, cut_s: float) -> Cut | None:
    """The parts of a recording; None where it is fused whole, which is told where it is long."""
    try:
        return cut_recording(settings, cut_s)
    except FuseWhole as why:
        _log.warning("it is fused whole: %s", why)
        return None


def _do(settings: RunSettings, job: Job, record: Record, output: Path, tell: Tell) -> dict[str, Any]:
    """Write the output of a row, of a part of one, or of all its parts; gives the account."""
    if job.part is not None:
        return fuse_part(settings, Part.from_json(job.part), output, tell)
    if not job.parts:
        if job.whole_because:
            _log.warning("it is fused whole: %s", job.whole_because)
        return fuse_row(settings, output, tell)
    if any(contents(part) != contents(record) for part in job.parts):
        raise FuseWhole("an input changed from one part to the next")
    cut = Cut.from_json(job.cut)
    join_parts(settings, cut, job.parts, Path(job.folder), output)
    return {"host": socket.gethostname(), "versions": versions(), **account(cut, job.parts)}


def unlike(job: Job) -> str:
    """The reason why this machine would give another result than the one that planned the job; else empty."""
    version = versions()["gifnet-stream"]
    if version != job.version:
        return f"{socket.gethostname()} has gifnet-stream {version}, and {job.version} is to be used"
    if not job.weights_sha256:
        return ""
    fusion = validate(RunSettings, job.settings, job.place).fusion
    try:
        path = weights_file(fusion)
        found = checked_sha256(path) if path else ""
    except WeightsError as error:
        return f"{socket.gethostname()} lacks the weights: {error}"
    if found != job.weights_sha256:
        return f"{socket.gethostname()} has other weights in {path} than those that are to be used"
    return ""


def _kind(error: BaseException) -> str:
    return next((kind for known, kind in _KINDS if isinstance(error, known)), "mistake")


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and not isinstance(error, GifnetError):
        return f"{error.filename or 'a file'}: {error.strerror}"
    known = isinstance(error, GifnetError)
    return describe_error(error) if known else f"{type(error).__name__}: {error}"


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Keeps the warnings that are logged inside the block, the first few of it."""
    texts: list[str] = []

    class Keep(logging.Handler):
        """Keeps texts."""

        def emit(self, record: logging.LogRecord) -> None:
            """Keep one, unless there are enough."""
            if len(texts) < MOST_WARNINGS:
                texts.append(mask_text(record.getMessage()))

    handler = Keep(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield texts
    finally:
        logging.getLogger().removeHandler(handler)
