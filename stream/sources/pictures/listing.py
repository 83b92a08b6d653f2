"""Pictures of a folder or glob, in natural order."""

from __future__ import annotations

import glob
import re
from pathlib import Path

from stream.errors import SourceError
from stream.sources.pictures.decode import COUNT_SUFFIXES, PICTURE_SUFFIXES

# Tables beside pictures that hold something other than counts.
_NO_COUNTS = frozenset({"times.csv"})


def is_picture_path(path: str) -> bool:
    """True when a plain path names a folder, a picture or a glob."""
    place = Path(path)
    if place.exists():
        return place.is_dir() or place.suffix.lower() in PICTURE_SUFFIXES | COUNT_SUFFIXES
    return glob.has_magic(path)


def find_pictures(path: str) -> list[Path]:
    """Pictures of a folder (not of its subfolders), of a glob, or one picture, in natural order.

    Raises:
        SourceError: when there are none.
    """
    place = Path(path)
    if place.is_dir():
        found = _list_folder(place)
    elif place.exists():
        found = [place]
    elif glob.has_magic(path):
        found = [Path(name) for name in glob.glob(path, recursive=True)]
    else:
        raise SourceError(f"the folder {path} does not exist")
    pictures = _of_kinds(found, PICTURE_SUFFIXES) or _of_kinds(found, COUNT_SUFFIXES)
    if not pictures:
        kinds = ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES | COUNT_SUFFIXES))
        raise SourceError(f"{path} holds no pictures ({kinds})")
    return sorted(pictures, key=natural_key)


def _of_kinds(paths: list[Path], suffixes: frozenset[str]) -> list[Path]:
    files = [each for each in paths if each.suffix.lower() in suffixes and each.is_file()]
    return [each for each in files if each.name.lower() not in _NO_COUNTS]


def _list_folder(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"the folder {folder} cannot be read: {error.strerror}") from None


def natural_key(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key in which runs of digits compare as numbers."""
    parts = re.split(r"(\d+)", str(path))
    key = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return key, str(path)


def is_picture_list(path: str) -> bool:
    """True when a path names a folder or a glob."""
    place = Path(path)
    return place.is_dir() or (not place.exists() and glob.has_magic(path))
