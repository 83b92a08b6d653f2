"""Content of inputs and outputs as SHA-256, and signs of files that tell of a change without reading them."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream.batch.remote.store import is_remote
from stream.config import RunSettings
from stream.config.merge import public_values
from stream.files.run_paths import local_path
from stream.uri import parse_uri

# Settings that name files or places, or say nothing about pixels: what the files hold is compared instead.
_NOT_COMPARED = ("report", "preview", "metrics", "control", "logs", "pair", "takeover")
# Lists of times beside a folder of pictures, see `sources/pictures/times_file.py`.
_LISTS_ABOVE = (
    *(f"{{name}}{end}{kind}" for end in ("", "_times", "_timestamps") for kind in (".csv", ".txt")),
    *("times.csv", "timestamps.csv", "times.txt", "timestamps.txt", "data.csv"),
)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files that belong to a folder or glob.

    Lists of times that lie beside a folder count too, since pictures get their times from them.

    Raises:
        OSError: a file cannot be read.
    """
    if path.is_file():
        return _of_file(path)
    whole = hashlib.sha256()
    for name, file in _files(path):
        whole.update(f"{name}\0{_of_file(file)}\n".encode())
    return whole.hexdigest()


def signs_of(path: Path) -> str:
    """SHA-256 of size, times of change and number of every file, which is quick to take.

    Raises:
        OSError: a file is not there.
    """
    whole = hashlib.sha256()
    for name, file in [("", path)] if path.is_file() else _files(path):
        stat = file.stat()
        sign = (name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        whole.update(json.dumps(sign).encode())
    return whole.hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder or glob."""
    return sum(file.stat().st_size for _, file in ([("", path)] if path.is_file() else _files(path)))


def input_paths(settings: RunSettings) -> dict[str, Path]:
    """Files and folders that the result depends on, by what they are; the weights are apart."""
    found = {
        "visible": local_path(settings.visible.uri),
        "thermal": local_path(settings.thermal.uri),
        "calibration": settings.registration.file,
        "bad pixels": Path(settings.gain.bad_pixels) if settings.gain.bad_pixels else None,
        "detector": Path(settings.detection.detector) if _has_own_detector(settings) else None,
    }
    return {what: path for what, path in found.items() if path is not None}


def _has_own_detector(settings: RunSettings) -> bool:
    return settings.detection.enabled and settings.detection.detector != "default"


def settings_sha256(settings: RunSettings) -> str:
    """SHA-256 of all settings that pixels depend on, without the paths of files."""
    values: dict[str, Any] = public_values(settings)
    for key in _NOT_COMPARED:
        values.pop(key, None)
    for side in ("visible", "thermal"):
        values[side]["uri"] = _without_path(values[side]["uri"])
    for output in values["outputs"]:
        output["uri"] = Path(parse_uri(output["uri"]).path).suffix
    if _has_own_detector(settings):
        values["detection"]["detector"] = None
    values["registration"]["file"] = values["gain"]["bad_pixels"] = values["fusion"]["weights"] = None
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _without_path(uri: str) -> list[Any]:
    if is_remote(uri):
        return ["", "", []]
    if local_path(uri) is None:
        return [uri]
    parts = parse_uri(uri)
    pattern = Path(parts.path).name if glob.has_magic(parts.path) else ""
    return [parts.scheme, pattern, sorted(parts.options.items())]


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """Files of a folder, by their names in it, and the lists of times beside it."""
    if not path.is_dir():
        raise FileNotFoundError(2, "No such file or directory", str(path))
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(path)), file
    above = path.resolve()
    for form in _LISTS_ABOVE:
        beside = above.parent / form.format(name=above.name)
        if beside.is_file():
            yield f"../{beside.name}", beside
