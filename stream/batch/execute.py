"""One attempt at one row: compare, fuse beside the place of the output, and put the result there whole."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gifnet.weight_reading import checked_sha256
from stream.batch.compare import is_same, outputs_are_there
from stream.batch.content import input_paths, settings_sha256, sha256_of, signs_of
from stream.batch.job import Job, Outcome, Record, failed
from stream.batch.results import OWN_FOLDER
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
    SyncError,
    WeightsError,
)
from stream.frame import FusedFrame
from stream.monitoring.report import RunReport, describe_error, versions
from stream.pipeline import run as pipeline
from stream.runtime.clock import SystemClock
from stream.runtime.signals import Stopped, StopSignals
from stream.uri import mask_text

Tell = Callable[[float], None]
TELL_EVERY_S = 1.0
MOST_WARNINGS = 20

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
    (MemoryError, "memory"),
    (OSError, "output"),
)


def execute(job: Job, tell: Tell = lambda share: None) -> Outcome:
    """Do a job in this process; whatever goes wrong becomes an outcome.

    Args:
        job: it.
        tell: called about once a second with the share of the recording that is fused.
    """
    try:
        with _warnings() as warnings:
            return _execute(job, tell, warnings)
    except Stopped as error:
        return Outcome(job.name, "stopped", reason=str(error))
    except Exception as error:
        return failed(job, _kind(error), mask_text(_sentence(error)))


def _execute(job: Job, tell: Tell, warnings: list[str]) -> Outcome:
    if why := unlike(job):
        return failed(job, "node", why)
    settings = validate(RunSettings, job.settings, job.place)
    before = _inputs(settings, job.earlier)
    record: Record = {
        "output": job.name,
        "row": job.place,
        "settings_sha256": settings_sha256(settings),
        "weights_sha256": job.weights_sha256,
        "inputs": before,
    }
    if job.earlier and is_same(job.earlier, record) and outputs_are_there(job.earlier, Path(job.folder)):
        return Outcome(job.name, "unchanged", record={**job.earlier, "inputs": before})
    with _work_folder(job) as work:
        report = _fuse(settings, work / job.output.name, tell)
        if _signs(settings) != [each["signs"] for each in before]:
            return failed(job, "changed", "an input changed while it was fused; wait until it is whole")
        files = _install(work, job, job.earlier)
    return Outcome(job.name, "done", record=record | files | _account(report) | {"warnings": warnings})


def unlike(job: Job) -> str:
    """The reason why this machine would give another result than the one that planned the job; else empty."""
    version = versions()["gifnet-stream"]
    if version != job.version:
        return f"{socket.gethostname()} has gifnet-stream {version}, and {job.version} is to be used"
    if not job.weights_sha256:
        return ""
    fusion = validate(RunSettings, job.settings, job.place).fusion
    path = weights_file(fusion)
    found = checked_sha256(path) if path else ""
    if found != job.weights_sha256:
        return f"{socket.gethostname()} has other weights in {path} than those that are to be used"
    return ""


def _inputs(settings: RunSettings, earlier: Record | None) -> list[dict[str, str]]:
    """Every input with its signs and content; read again only where the signs are others than before."""
    known = {(each["path"], each["signs"]): each["sha256"] for each in (earlier or {}).get("inputs", [])}
    found = []
    for what, path in input_paths(settings).items():
        try:
            signs = signs_of(path)
            content = known.get((str(path), signs)) or sha256_of(path)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from None
        found.append({"what": what, "path": str(path), "signs": signs, "sha256": content})
    return found


def _signs(settings: RunSettings) -> list[str]:
    return [signs_of(path) for path in input_paths(settings).values()]


def _fuse(settings: RunSettings, output: Path, tell: Tell) -> RunReport:
    """The run itself, into the working folder."""
    uri = f"images://{output}" if not output.suffix else str(output)
    outputs = (settings.outputs[0].model_copy(update={"uri": uri}),)
    report = RunReport(SystemClock())
    told_s = time.monotonic()

    def progress(report: RunReport, total: int | None) -> None:
        nonlocal told_s
        if total and time.monotonic() - told_s >= TELL_EVERY_S:
            told_s = time.monotonic()
            tell(min(1.0, report.frames_in["visible"] / total))

    with StopSignals() as stop:

        def watch(frames: Iterable[FusedFrame]) -> Iterator[FusedFrame]:
            return stop.watch(frames)

        pipeline.run(settings.model_copy(update={"outputs": outputs}), report, watch, progress)
    if not report.fused:
        raise SourceError("nothing was fused: no frame found a partner")
    return report


@contextmanager
def _work_folder(job: Job) -> Iterator[Path]:
    """A folder of this attempt alone, on the disk of the output, that is removed in the end."""
    work = Path(job.folder) / OWN_FOLDER / f"{job.output.stem[:100]}.{secrets.token_hex(6)}"
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _install(work: Path, job: Job, earlier: Record | None) -> dict[str, Any]:
    """Move what was written to where it belongs, the output itself last; each appears whole or not at all."""
    folder, target = Path(job.folder), job.output
    target.parent.mkdir(parents=True, exist_ok=True)
    written = sorted(work.iterdir(), key=lambda path: (path.name == target.name, path.name))
    for path in written:
        _sync(path)
        place = target.with_name(path.name)
        if place.is_dir():
            place.rename(work / f"{secrets.token_hex(4)}.old")
        os.replace(path, place)
    _sync(target.parent)
    names = [str(Path(job.name).with_name(path.name)) for path in written]
    for old in (earlier or {}).get("files", []):
        if old["name"] not in names and (folder / old["name"]).is_file():
            (folder / old["name"]).unlink()
    return {
        "files": [
            {"name": name, "signs": signs_of(folder / name), "sha256": sha256_of(folder / name)}
            for name in names
        ]
    }


def _sync(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS, errno.ENOTSUP):  # some file systems cannot
            raise
    finally:
        os.close(descriptor)


def _account(report: RunReport) -> dict[str, Any]:
    return {
        "frames_in": report.frames_in,
        "fused": report.fused,
        "dropped": report.dropped,
        "lost": report.lost,
        "wall_s": round(report.wall_s, 3),
        "host": socket.gethostname(),
        "versions": versions(),
    }


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
