"""The list of results in the folder of a batch: a line of JSON for every row that ended; the newest holds."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import IO, Any

from stream.batch.cutting.rows import PARTS, parts_folder
from stream.batch.job import Record
from stream.batch.remote.staging import staging_folder
from stream.errors import ConfigError
from stream.files.atomic_write import open_without_links

SCHEMA = "gifnet.batch/1"
RESULTS = "results.jsonl"
OWN_FOLDER = ".batch"
PART_RESULTS = f"{OWN_FOLDER}/parts.jsonl"


def read_results(folder: Path) -> dict[str, Record]:
    """The newest record of every output, see `read_records`."""
    return read_records(folder / RESULTS)


def read_records(path: Path) -> dict[str, Record]:
    """The newest record of every output in a list; empty where there is no list yet.

    A line that breaks off, as a process leaves it that was killed while it wrote, is passed over.

    Raises:
        ConfigError: the list cannot be read, or is of a later version.
    """
    found: dict[str, Record] = {}
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


class _Records:
    """Adds records; every one is on the disk when `add` returns."""

    def __init__(self, file: FileIO) -> None:
        """Begin at the end of the list.

        Args:
            file: open for reading and appending, without a buffer: closing must not write what a full disk
                did not take.

        Raises:
            OSError: it cannot be written to.
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
            line = json.dumps({"schema": SCHEMA, **record}).encode() + b"\n"
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise ConfigError(f"the list of results cannot be written: {error.strerror}") from None


class Results:
    """The list of a batch's rows, and that of parts of rows which are not joined yet.

    Attributes:
        earlier_parts: records of parts that an earlier batch left.
    """

    def __init__(self, folder: Path, rows: FileIO, parts: FileIO | None) -> None:
        """Begin at the ends of both lists.

        Args:
            folder: of the batch.
            rows: open for reading and appending, without a buffer.
            parts: the same; None where no row is cut.
        """
        self._folder, self._rows = folder, _Records(rows)
        self._parts = _Records(parts) if parts else None
        self.earlier_parts = read_records(folder / PART_RESULTS)

    def add(self, record: dict[str, Any]) -> None:
        """Add the record of a row, see `_Records.add`."""
        self._rows.add(record)

    def add_part(self, record: dict[str, Any]) -> None:
        """Add the record of a part, see `_Records.add`."""
        assert self._parts
        self._parts.add(record)

    def remove_parts(self, name: str) -> None:
        """Remove the parts of an output."""
        shutil.rmtree(self._folder / parts_folder(name), ignore_errors=True)

    def remove_copies(self, name: str) -> None:
        """Remove the local copies of an output's inputs."""
        shutil.rmtree(self._folder / staging_folder(name), ignore_errors=True)


@contextmanager
def open_results(folder: Path, cut: Iterable[str] = ()) -> Iterator[Results]:
    """Make the folder of a batch if need be, keep other batches out of it, and open its list of results.

    What processes that were killed left in its working folder is removed.

    Args:
        folder: of the batch.
        cut: names of outputs whose parts are kept, to go on with.

    Raises:
        ConfigError: another batch works there, or it cannot be written to.
    """
    own, keep = folder / OWN_FOLDER, {folder / parts_folder(name) for name in cut}
    with ExitStack() as opened:
        try:
            own.mkdir(parents=True, exist_ok=True)
            _lock(opened.enter_context((own / "lock").open("wb")), folder)
            _sweep(own, keep)
            rows = opened.enter_context(_open(folder / RESULTS))
            parts = opened.enter_context(_open(folder / PART_RESULTS)) if keep else None
            results = Results(folder, rows, parts)
        except OSError as error:
            raise ConfigError(f"the folder {folder} cannot be written to: {error.strerror}") from error
        yield results
        _sweep(own, keep)


def _open(path: Path) -> FileIO:
    return open(path, "a+b", buffering=0, opener=open_without_links)


def _sweep(own: Path, keep: set[Path]) -> None:
    """Remove what crashed attempts left, parts that nobody goes on with, and their list with the last one."""
    folder = own.parent
    parts = folder / PARTS
    for left in (*own.iterdir(), *(parts.iterdir() if parts.is_dir() else ())):
        if left.is_dir() and not left.is_symlink() and left != parts and left not in keep:
            shutil.rmtree(left, ignore_errors=True)
    if not (parts.is_dir() and any(parts.iterdir())):
        shutil.rmtree(parts, ignore_errors=True)
        (folder / PART_RESULTS).unlink(missing_ok=True)


def _lock(file: IO[bytes], folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"another gifnet batch works in {folder}; wait for it, or name another folder"
        ) from None
