"""Rows of a manifest: CSV or lines of JSON, each a recorded pair with its settings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stream.config.batch import ROW_NAMES
from stream.errors import ConfigError
from stream.files.run_paths import local_path
from stream.uri import parse_uri

JSON_SUFFIXES = (".jsonl", ".ndjson")
OWN_COLUMNS = ("visible", "thermal", "output", "config")
COLUMNS = (*OWN_COLUMNS, *ROW_NAMES)
# Settings that name files, and words that they may have in place of one.
_FILES: dict[str, tuple[str, ...]] = {
    "config": (),
    "calibration": (),
    "bad_pixels": (),
    "weights": ("default", "lite", "published"),
    "detector": ("default",),
}
MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A recorded pair as somebody listed it, not yet checked.

    Attributes:
        place: where it stands, for messages.
        values: by column; paths are absolute, what is empty is left out.
        problems: why it is no row.
    """

    place: str
    values: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_manifest(path: Path) -> list[Row]:
    """Rows of a `.csv`, `.jsonl` or `.ndjson` file; paths in it begin at its own folder.

    Raises:
        ConfigError: it cannot be read as such a file at all; what is wrong with a row stands in the row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the manifest {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the manifest {path} is not a text file in UTF-8") from None
    read = _json_rows if path.suffix.lower() in JSON_SUFFIXES else _csv_rows
    rows = [_checked(place, values, path.parent.absolute()) for place, values in read(text, path)]
    if not rows:
        raise ConfigError(f"the manifest {path} has no rows; name a recorded pair in each")
    return rows


def _json_rows(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except (ValueError, RecursionError):
            yield f"line {number}", "it is no JSON"


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    try:
        delimiter = ";" if ";" in text.partition("\n")[0] else ","
        table = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        head = [name.strip() for name in next(table, [])]
        if not {"visible", "thermal"} & set(head):
            raise ConfigError(
                f"the manifest {path} has no head that names its columns; write visible,thermal,output in "
                "the first line"
            )
        if twice := sorted({name for name in head if head.count(name) > 1}):
            raise ConfigError(f"the manifest {path} has the column {', '.join(twice)} twice; leave one out")
        for cells in table:
            if not any(cell.strip() for cell in cells):
                continue
            place = f"line {table.line_num}"
            if len(cells) > len(head):
                yield place, f"it has {len(cells)} cells where the head names {len(head)} columns"
            else:
                yield (
                    place,
                    {name: cell.strip() for name, cell in zip(head, cells, strict=False) if cell.strip()},
                )
    except csv.Error as error:
        raise ConfigError(f"the manifest {path} is no CSV in line {table.line_num}: {error}") from None


def _checked(place: str, values: Any, base: Path) -> Row:
    if isinstance(values, str):
        return Row(place, {}, (values,))
    if not isinstance(values, dict):
        return Row(place, {}, ('it is no JSON object, as in {"visible": ..., "thermal": ...}',))
    given = {key.replace("-", "_"): value for key, value in values.items() if value is not None}
    unknown = sorted(set(given) - set(COLUMNS))
    problems = [_unknown(key) for key in unknown]
    problems += [
        f"{key} must be a text, got {given[key]!r:.50}" for key in OWN_COLUMNS if not _is_text(given, key)
    ]
    if not problems:
        given = {key: _from(base, key, value) for key, value in given.items()}
    return Row(place, given, tuple(problems))


def _is_text(given: dict[str, Any], key: str) -> bool:
    return isinstance(given.get(key, ""), str) and "\0" not in given.get(key, "")


def _unknown(key: str) -> str:
    near = get_close_matches(key, COLUMNS, 1)
    meant = (
        f" (did you mean {near[0]}?)" if near else "; allowed are visible, thermal, output, config and the "
    )
    meant += "" if near else "options of `gifnet batch --help`"
    return f"{key} is no column of a manifest{meant}"


def _from(base: Path, key: str, value: Any) -> Any:
    """The value, paths of files made absolute."""
    if not isinstance(value, str):
        return value
    if key in ("visible", "thermal"):
        return absolute_uri(value, base)
    if key in _FILES and value not in _FILES[key]:
        return str(base / value)
    return value


def absolute_uri(text: str, base: Path) -> str:
    """A path or URI of an input with its path absolute; what names no file is left as it is."""
    parts = parse_uri(text)
    if local_path(text) is None or Path(parts.path).is_absolute():
        return text
    if not parts.scheme:
        return str(base / text)
    head, mark, rest = text.partition("://")
    return f"{head}{mark}{quote(str(base))}/{rest}"
