"""Comparison with an earlier batch: by content, or by the signs of files that nobody touched."""

from __future__ import annotations

from pathlib import Path

from stream.batch.content import input_paths, settings_sha256, sha256_of, signs_of
from stream.batch.job import Job, Record
from stream.config import RunSettings


def is_same(earlier: Record, now: Record) -> bool:
    """True where settings, weights, part and the content of all inputs are those of an earlier result."""
    return (
        earlier.get("status") == "done"
        and all(earlier.get(key) == now.get(key) for key in ("settings_sha256", "weights_sha256", "part"))
        and contents(earlier) == contents(now)
    )


def outputs_are_there(earlier: Record, folder: Path) -> bool:
    """True where every file that an earlier batch wrote has its content still."""
    try:
        return all(
            signs_of(folder / each["name"]) == each["signs"]
            or sha256_of(folder / each["name"]) == each["sha256"]
            for each in earlier["files"]
        )
    except OSError:
        return False


def is_untouched(job: Job, settings: RunSettings) -> bool:
    """True where no file was touched since an earlier batch did the job; without reading any of them."""
    earlier, folder = job.earlier, Path(job.folder)
    if not earlier or earlier.get("status") != "done":
        return False
    try:
        inputs = [(what, str(path), signs_of(path)) for what, path in input_paths(settings).items()]
        outputs = [signs_of(folder / each["name"]) for each in earlier["files"]]
    except OSError:
        return False
    return (
        earlier["settings_sha256"] == settings_sha256(settings)
        and earlier["weights_sha256"] == job.weights_sha256
        and [(each["what"], each["path"], each["signs"]) for each in earlier["inputs"]] == inputs
        and [each["signs"] for each in earlier["files"]] == outputs
    )


def contents(record: Record) -> list[tuple[str, str]]:
    """SHA-256 of every input of a record, with the input's purpose."""
    return [(each["what"], each["sha256"]) for each in record["inputs"]]
