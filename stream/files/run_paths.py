"""Which files and folders a run reads and writes, so that it never writes over what it reads."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from stream.config import FuseSettings, RunSettings
from stream.errors import ConfigError
from stream.uri import mask, parse_uri

_LOCAL_SCHEMES = ("", "file", "images", "recording", "thermal", "hls")


def local_path(uri: str) -> Path | None:
    """The file or folder that a path or URI names, the folder of a glob; None where it names neither."""
    parts = parse_uri(uri)
    if parts.scheme not in _LOCAL_SCHEMES or not parts.path:
        return None
    path = Path(parts.path)
    return path.parent if glob.has_magic(parts.path) and not path.exists() else path


def check_places(settings: RunSettings) -> None:
    """Refuse outputs that are also inputs, outputs named twice, and a report without a folder.

    Raises:
        ConfigError: says which two are the same, or which folder is missing.
    """
    read, written = dict(_read(settings)), dict(_written(settings))
    for what, path in written.items():
        for other, other_path in read.items():
            if _same(path, other_path):
                raise ConfigError(f"{what} is also {other} and would be overwritten; name another file")
    for (what, path), (other, other_path) in combinations(written.items(), 2):
        if _same(path, other_path):
            raise ConfigError(f"{what} and {other} are the same file; give each a file of its own")
    if settings.report and not settings.report.absolute().parent.is_dir():
        raise ConfigError(f"the folder of the report {settings.report} does not exist; make it first")


def _read(settings: FuseSettings) -> Iterator[tuple[str, Path]]:
    for role, source in (("visible", settings.visible), ("thermal", settings.thermal)):
        path = local_path(source.uri)
        if path is not None:
            yield f"the {role} input {mask(source.uri)}", path
    if settings.registration.file:
        yield f"the calibration {settings.registration.file}", settings.registration.file
    if settings.fusion.weights not in ("default", "published"):
        yield f"the weights {settings.fusion.weights}", Path(settings.fusion.weights)


def _written(settings: RunSettings) -> Iterator[tuple[str, Path]]:
    for number, output in enumerate(settings.outputs, start=1):
        path = local_path(output.uri)
        if path is not None:
            yield f"output {number}, {mask(output.uri)},", path
    if settings.report:
        yield f"the report {settings.report}", settings.report


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()
