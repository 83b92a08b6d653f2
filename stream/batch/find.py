"""Recorded pairs in a folder or behind a glob, found by the names of their files."""

from __future__ import annotations

import glob
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from stream.batch.manifest import Row, read_manifest
from stream.errors import ConfigError
from stream.recording import ABOUT
from stream.sources.pictures.listing import is_picture_path

MANIFEST_SUFFIXES = (".csv", ".jsonl", ".ndjson")
VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".webm")
) | frozenset((".nut", ".seq", ".csq"))
# Words by which names tell the sides of a pair apart.
SIDE_WORDS = {
    "visible": ("visible", "vis", "rgb", "color", "colour", "eo", "w"),
    "thermal": ("thermal", "therm", "infrared", "lwir", "ir", "tir", "t"),
}
_WORD = re.compile(r"[A-Za-z]+")


def find_rows(manifest: str) -> tuple[list[Row], list[str]]:
    """Rows of a manifest, or of the pairs in a folder or behind a glob.

    Two videos, or two folders of pictures, are a pair where their paths differ only in a word for their side:
    `a_visible.mp4` and `a_thermal.mkv`, `rgb/a.mp4` and `ir/a.mp4`. Folders that `gifnet record` made are
    pairs too.

    Args:
        manifest: a path, or a glob.

    Returns:
        The rows, and what was found that has no partner.

    Raises:
        ConfigError: there is nothing of that name, or no pair in it.
    """
    path = Path(manifest)
    if path.is_file():
        if path.suffix.lower() not in MANIFEST_SUFFIXES:
            kinds = ", ".join(MANIFEST_SUFFIXES)
            raise ConfigError(
                f"the manifest {path} must be a folder, a glob or a file that ends in {kinds}; two videos "
                "are fused by `gifnet run VISIBLE THERMAL`"
            )
        return read_manifest(path), []
    if path.is_dir():
        root, found = path, list(path.rglob("*"))
    elif glob.has_magic(manifest):
        found = [Path(name) for name in glob.glob(manifest, recursive=True)]
        root = Path(_before_magic(manifest))
    else:
        raise ConfigError(f"there is no manifest {path}; name a file, a folder or a glob in quotes")
    rows, alone = _pairs(sorted(found), root)
    if not rows:
        raise ConfigError(
            f"no recorded pair was found in {manifest}; two videos are one where their names differ in their "
            "side alone, as in a_visible.mp4 and a_thermal.mp4; list others in a manifest"
        )
    return rows, alone


def _pairs(found: Iterable[Path], root: Path) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    sides: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    taken: set[Path] = set()
    for path in found:
        if any(parent in taken for parent in path.parents):
            continue
        if (path / ABOUT).is_file():
            taken.add(path)
            name = path.relative_to(root)
            uri = f"replay://{path.absolute()}"
            rows.append(Row(str(path), {"visible": uri, "thermal": uri, "output": f"{name}.mp4"}))
        elif _is_input(path):
            taken |= {path} if path.is_dir() else set()
            side, key = side_of(path.relative_to(root))
            sides[key][side].append(path)
    alone: list[str] = []
    for key, by_side in sorted(sides.items()):
        visible, thermal = by_side["visible"], by_side["thermal"]
        if by_side[""] or not (visible and thermal):
            alone += map(str, [*visible, *thermal, *by_side[""]])
        elif len(visible) > 1 or len(thermal) > 1:
            names = ", ".join(str(path) for path in [*visible, *thermal])
            rows.append(
                Row(names, {}, ("more than two belong together by their names; list them in a manifest",))
            )
        else:
            rows.append(_row(visible[0].absolute(), thermal[0].absolute(), key))
    return rows, alone


def _before_magic(pattern: str) -> str:
    """The folder of a glob: its parts before the first that is a pattern."""
    parts = Path(pattern).parts
    plain = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return str(Path(*parts[:plain])) if plain else "."


def _row(visible: Path, thermal: Path, key: str) -> Row:
    values = {"visible": str(visible), "thermal": str(thermal), "output": f"{key or 'fused'}.mp4"}
    return Row(str(visible), values)


def side_of(path: Path) -> tuple[str, str]:
    """Side that a path tells by its last word for one, and the path without that word and its suffix.

    Args:
        path: relative.

    Returns:
        `visible`, `thermal` or nothing; and what both files of a pair share.
    """
    text = str(path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path)
    for word in reversed(list(_WORD.finditer(text))):
        for side, words in SIDE_WORDS.items():
            if word[0].lower() in words:
                rest = f"{text[: word.start()]}\0{text[word.end() :]}"
                return side, _tidy(rest)
    return "", text


def _tidy(text: str) -> str:
    """Without the place of the word and the marks around it."""
    text = re.sub(r"[-_. ]*\0(?=/|$)|(?<=/)\0[-_. ]*|^\0[-_. ]*|[-_. ]*\0", "", text)
    return "/".join(part for part in text.split("/") if part)


def _is_input(path: Path) -> bool:
    if path.is_dir():
        files = (each for each in path.iterdir() if each.is_file())
        return bool(side_of(Path(path.name))[0]) and any(is_picture_path(str(each)) for each in files)
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()
