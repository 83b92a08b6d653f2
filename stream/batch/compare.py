"""Comparison with an earlier batch: by content, or by the signs of files that nobody touched."""

from __future__ import annotations

from pathlib import Path

from stream.batch.content import input_paths, settings_sha256, sha256_of, signs_of
from stream.batch.job import Job, Record
from stream.batch.remote.staging import remote_inputs
from stream.batch.remote.store import signs_at
from stream.config import RunSettings
from stream.errors import StorageError


def is_same(earlier: Record, now: Record) -> bool:
    """True where settings, weights, part and the content of all inputs are those of an earlier result."""
    return (
        earlier.get("status") == "done"
        and all(earlier.get(key) == now.get(key) for key in ("settings_sha256", "weights_sha256", "part"))
        and contents(earlier) == contents(now)
    )


def outputs_are_there(earlier: Record, job: Job) -> bool:
    """True where every file that an earlier batch wrote has its content still, where it is to be now."""
    try:
        return all(_is_there(each, job) for each in earlier["files"])
    except (OSError, StorageError):
        return False


def _is_there(file: dict[str, str], job: Job) -> bool:
    if _signs_now(file, job, fresh=True) == file["signs"]:
        return True
    # Objects are not read to compare their content: a download may cost more than to fuse again.
    is_local = not file.get("url") and not job.url_of(file["name"])
    return is_local and sha256_of(Path(job.folder) / file["name"]) == file["sha256"]


def is_untouched(job: Job, settings: RunSettings) -> bool:
    """True where no file was touched since an earlier batch did the job; without reading any of them."""
    earlier = job.earlier
    if not earlier or earlier.get("status") != "done":
        return False
    try:
        inputs = [(what, str(path), signs_of(path)) for what, path in input_paths(settings).items()]
        inputs += [(what, url, signs_at(url)) for what, url in remote_inputs(settings).items()]
        outputs = [_signs_now(each, job) for each in earlier["files"]]
    except (OSError, StorageError):
        return False
    return (
        earlier["settings_sha256"] == settings_sha256(settings)
        and earlier["weights_sha256"] == job.weights_sha256
        and [(each["what"], each["path"], each["signs"]) for each in earlier["inputs"]] == inputs
        and [each["signs"] for each in earlier["files"]] == outputs
    )


def _signs_now(file: dict[str, str], job: Job, *, fresh: bool = False) -> str:
    """Signs of a file of an earlier batch; empty where it is to be in another place now."""
    url = file.get("url", "")
    if url.rstrip("/") != job.url_of(file["name"]):
        return ""
    return signs_at(url, fresh=fresh) if url else signs_of(Path(job.folder) / file["name"])


def contents(record: Record) -> list[tuple[str, str]]:
    """SHA-256 of every input of a record, with the input's purpose."""
    return [(each["what"], each["sha256"]) for each in record["inputs"]]
