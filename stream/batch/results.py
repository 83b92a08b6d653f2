"""The list of results in the folder of a batch: a line of JSON for every row that ended; the newest holds."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from stream.batch.job import Record
from stream.errors import ConfigError
from stream.files.atomic_write import open_without_links

SCHEMA = "gifnet.batch/1"
RESULTS = "results.jsonl"
OWN_FOLDER = ".batch"


def read_results(folder: Path) -> dict[str, Record]:
    """The newest record of every output; empty where there is no list yet.

    A line that breaks off, as a process leaves it that was killed while it wrote, is passed over.

    Raises:
        ConfigError: the list cannot be read, or is of a later version.
    """
    found: dict[str, Record] = {}
    path = folder / RESULTS
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise ConfigError(f"the results {path} cannot be read: {error.strerror}") from None
    for line in lines:
        record = _record(line)
        if record is None:
            continue
        if record.get("schema") != SCHEMA:
            raise ConfigError(
                f"{path} is no list of results of this version ({SCHEMA}); name another folder with -o"
            )
        found[str(record["output"])] = record
    return found


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "output" in record else None


class Results:
    """Adds records; every one is on the disk when `add` returns."""

    def __init__(self, file: IO[bytes]) -> None:
        """Begin at the end of the list.

        Args:
            file: open for reading and appending.
        """
        self._file = file
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")

    def add(self, record: dict[str, Any]) -> None:
        """Add a record.

        Raises:
            ConfigError: the disk is full, or does not take it for another reason.
        """
        try:
            self._file.write(json.dumps({"schema": SCHEMA, **record}).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise ConfigError(f"the list of results cannot be written: {error.strerror}") from None


@contextmanager
def open_results(folder: Path) -> Iterator[Results]:
    """Make the folder of a batch if need be, keep other batches out of it, and open its list of results.

    What processes that were killed left in its working folder is removed.

    Raises:
        ConfigError: another batch works there, or it cannot be written to.
    """
    own = folder / OWN_FOLDER
    with ExitStack() as opened:
        try:
            own.mkdir(parents=True, exist_ok=True)
            _lock(opened.enter_context((own / "lock").open("wb")), folder)
            _sweep(own)
            file = opened.enter_context(open(folder / RESULTS, "a+b", opener=open_without_links))
        except OSError as error:
            raise ConfigError(f"the folder {folder} cannot be written to: {error.strerror}") from error
        yield Results(file)
        _sweep(own)


def _sweep(own: Path) -> None:
    """Remove what crashed attempts left."""
    for left in own.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)


def _lock(file: IO[bytes], folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"another gifnet batch works in {folder}; wait for it, or name another folder"
        ) from None
