"""Files and folders that a run reads and writes, so that it never writes over what it reads."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from stream.config import FuseSettings, RunSettings
from stream.errors import ConfigError
from stream.files.atomic_write import check_replaceable
from stream.uri import mask, parse_uri

_LOCAL_SCHEMES = ("", "file", "images", "recording", "replay", "thermal", "flir")
_WRAPPERS = ("live", "loop")


@dataclass(frozen=True, slots=True)
class OutputPlace:
    """A file or folder that an output writes.

    Attributes:
        name: of the output, for messages.
        path: of the file or folder.
        replaces: tells whether the output may replace another file, such as one in its folder.
    """

    name: str
    path: Path
    replaces: Callable[[Path], bool]


def local_path(uri: str) -> Path | None:
    """The file or folder that an input reads, the folder of a glob; None where it reads neither."""
    parts = parse_uri(uri)
    if parts.scheme in _WRAPPERS:
        return local_path(uri.partition("://")[2])
    if parts.scheme == "chaos":
        inner = uri.partition("!")[2]
        return local_path(inner) if inner else None
    if parts.scheme not in _LOCAL_SCHEMES or not parts.path:
        return None
    path = Path(parts.path)
    return path.parent if _is_glob(path) else path


def check_places(settings: RunSettings, outputs: Sequence[OutputPlace]) -> None:
    """Refuse outputs that are inputs or lie in one, outputs named twice, and a report without a folder.

    Args:
        settings: inputs and report.
        outputs: everything that the outputs write.

    Raises:
        ConfigError: says which two are the same, or which folder is missing.
    """
    written = list(outputs)
    if settings.report:
        written.append(OutputPlace(f"the report {settings.report}", settings.report, lambda _: False))
    for what, path, is_folder in _read(settings):
        for output in written:
            if _same(output.path, path) or output.replaces(path) or _is_linked(output.path, path):
                raise ConfigError(f"{output.name} is also {what} and would be overwritten; name another file")
            if is_folder and output.path.resolve().is_relative_to(path.resolve()):
                raise ConfigError(f"{output.name} lies in {what}; name a file outside of it")
    for one, other in combinations(written, 2):
        if _same(one.path, other.path):
            raise ConfigError(f"{one.name} and {other.name} are the same file; give each a file of its own")
    if settings.report:
        check_report(settings.report)


def check_report(report: Path) -> None:
    """Refuse a report that could not be written in the end.

    Raises:
        ConfigError: its folder does not exist, or it cannot be replaced.
    """
    if not report.absolute().parent.is_dir():
        raise ConfigError(f"the folder of the report {report} does not exist; make it first")
    try:
        check_replaceable(report)
    except OSError as error:
        raise ConfigError(f"the report {report} cannot be written: {error.strerror}") from None


def _read(settings: FuseSettings) -> Iterator[tuple[str, Path, bool]]:
    """Name and path of everything that is read; True where all of a folder is."""
    for role, source in (("visible", settings.visible), ("thermal", settings.thermal)):
        path = local_path(source.uri)
        if path is not None:
            is_whole = path.is_dir() and not _is_glob(Path(parse_uri(_innermost(source.uri)).path))
            yield f"the {role} input {mask(source.uri)}", path, is_whole
    if settings.registration.file:
        yield f"the calibration {settings.registration.file}", settings.registration.file, False
    if settings.gain.bad_pixels:
        yield f"the map of bad pixels {settings.gain.bad_pixels}", Path(settings.gain.bad_pixels), False
    if settings.fusion.weights not in ("default", "published"):
        yield f"the weights {settings.fusion.weights}", Path(settings.fusion.weights), False


def _innermost(uri: str) -> str:
    scheme = parse_uri(uri).scheme
    if scheme in _WRAPPERS:
        return _innermost(uri.partition("://")[2])
    return _innermost(uri.partition("!")[2]) if scheme == "chaos" else uri


def _is_glob(path: Path) -> bool:
    return glob.has_magic(str(path)) and not path.exists()


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()


def _is_linked(output: Path, folder: Path) -> bool:
    """True when an output is a further name of a file in a folder that is read."""
    try:
        if not folder.is_dir() or not output.is_file() or output.stat().st_nlink + output.is_symlink() < 2:
            return False
        return any(output.samefile(entry) for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return False
