"""The folder that an attempt writes into, and the move of what it wrote to its place."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stream.batch.content import sha256_of, signs_of
from stream.batch.job import Job, Record
from stream.batch.place import check_replaceable
from stream.batch.results import OWN_FOLDER


@contextmanager
def work_folder(job: Job) -> Iterator[Path]:
    """A folder of this attempt alone, on the disk of the output, that is removed in the end."""
    work = Path(job.folder) / OWN_FOLDER / secrets.token_hex(8)
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def install(work: Path, job: Job, earlier: Record | None) -> dict[str, Any]:
    """Move what was written to where it belongs, the output itself last; each appears whole or not at all.

    Args:
        work: the folder that holds it.
        job: that wrote it.
        earlier: record of an earlier batch, whose further files are removed.

    Returns:
        `files` of the record: names in the folder of the batch, signs and contents, the output itself last.

    Raises:
        SinkError: something else lies in the place.
        OSError: the disk is full, or does not take it for another reason.
    """
    folder, target = Path(job.folder), job.output
    target.parent.mkdir(parents=True, exist_ok=True)
    written = written_by(work, job)
    for path in written:
        _sync(path)
        place = target.with_name(path.name)
        check_replaceable(place)
        if place.is_dir():
            place.rename(work / f"{secrets.token_hex(4)}.old")
        os.replace(path, place)
    _sync(target.parent)
    names = [name_of(path, job) for path in written]
    for old in (earlier or {}).get("files", []):
        if old["name"] not in names and (folder / old["name"]).is_file():
            (folder / old["name"]).unlink()
    return {
        "files": [
            {"name": name, "signs": signs_of(folder / name), "sha256": sha256_of(folder / name)}
            for name in names
        ]
    }


def written_by(work: Path, job: Job) -> list[Path]:
    """Files and folders that a job wrote, the output itself last."""
    return sorted(work.iterdir(), key=lambda path: (path.name == job.output.name, path.name))


def name_of(path: Path, job: Job) -> str:
    """Name of something that a job wrote, relative to the folder of the batch."""
    return str(Path(job.name).with_name(path.name))


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
