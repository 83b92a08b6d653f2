"""Pairs of pictures and their output files, from two files or two folders."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from stream.errors import SinkError, SourceError
from stream.files.output_path import check_place
from stream.sources.pictures.folder import find_pictures

# What is written, and what the encoder calls it.
OUTPUT_KINDS = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".tif": "tif", ".tiff": "tif"}


@dataclass(frozen=True, slots=True)
class PicturePair:
    """Two pictures and where their fused one goes."""

    visible: Path
    thermal: Path
    output: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """The planned work.

    Attributes:
        pairs: in natural order of the visible names.
        alone: pictures of either folder whose name the other one lacks.
    """

    pairs: list[PicturePair]
    alone: list[Path] = field(default_factory=list)


def plan_pictures(visible: Path, thermal: Path, output: str) -> Plan:
    """Pair the pictures of two files or folders, and name their outputs.

    Pictures of two folders belong together when their names agree but for the suffix; where no name does
    and the folders hold equally many, they belong together in natural order. Outputs in a folder are named
    after the visible picture, as PNG.

    Args:
        visible: a picture or a folder.
        thermal: likewise.
        output: a file, or a folder: one that exists or ends with a slash. For folders it is a folder, made
            where the folder above it exists.

    Raises:
        SourceError: inputs that are missing, of two kinds, or cannot be paired.
        SinkError: an output that cannot be written, or that is an input.
    """
    for path in (visible, thermal):
        if not path.exists():
            raise SourceError(f"{path} does not exist; name a picture or a folder of pictures")
    if visible.is_dir() != thermal.is_dir():
        raise SourceError(f"name two pictures or two folders, got {_kind(visible)} and {_kind(thermal)}")
    if visible.is_dir():
        plan = _plan_folders(visible, thermal, Path(output))
    else:
        plan = _plan_files(visible, thermal, output)
    _check_not_input(plan)
    return plan


def _plan_files(visible: Path, thermal: Path, output: str) -> Plan:
    place = Path(output)
    if place.is_dir() or output.endswith(("/", os.sep)):
        _make_folder(place)
        place = place / f"{visible.stem}.png"
    if place.suffix.lower() not in OUTPUT_KINDS:
        kinds = ", ".join(OUTPUT_KINDS)
        raise SinkError(f"the output {place} must end in one of {kinds}, or be a folder that ends with /")
    check_place(place)
    return Plan([PicturePair(visible, thermal, place)])


def _plan_folders(visible: Path, thermal: Path, output: Path) -> Plan:
    matches, alone = pair_folders(visible, thermal)
    _make_folder(output)
    return Plan([PicturePair(one, other, output / f"{one.stem}.png") for one, other in matches], alone)


def pair_folders(visible: Path, thermal: Path) -> tuple[list[tuple[Path, Path]], list[Path]]:
    """Pair the pictures of two folders, by the rule of `plan_pictures`.

    Returns:
        Pairs in natural order of the visible names, and pictures that are alone.

    Raises:
        SourceError: a folder without pictures, or pictures that cannot be paired.
    """
    visibles, thermals = _by_stem(visible), _by_stem(thermal)
    common = visibles.keys() & thermals.keys()
    if common:
        matches = [(path, thermals[stem]) for stem, path in visibles.items() if stem in common]
        lonely = [*visibles.items(), *thermals.items()]
        return matches, [path for stem, path in lonely if stem not in common]
    if len(visibles) == len(thermals):
        return list(zip(visibles.values(), thermals.values(), strict=True)), []
    raise SourceError(
        f"no picture of {visible} ({len(visibles)}) has the name of one in {thermal} ({len(thermals)}), "
        "and the numbers differ; give pictures that belong together the same name"
    )


def _by_stem(folder: Path) -> dict[str, Path]:
    """Pictures by name without suffix, in natural order."""
    paths = find_pictures(str(folder))
    stems = {path.stem: path for path in paths}
    if len(stems) < len(paths):
        double = next(path for path in paths if stems[path.stem] != path)
        raise SourceError(f"{double} and {stems[double.stem]} differ in their suffix only; keep one of them")
    return stems


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise SinkError(f"the output {folder} is a file; name a folder")
    check_place(folder / "any.png" if folder.is_dir() else folder)
    folder.mkdir(exist_ok=True)


def _check_not_input(plan: Plan) -> None:
    inputs = {path.resolve() for pair in plan.pairs for path in (pair.visible, pair.thermal)}
    for pair in plan.pairs:
        if pair.output.resolve() in inputs:
            raise SinkError(f"the output {pair.output} is also an input; name another place")


def _kind(path: Path) -> str:
    return f"the folder {path}" if path.is_dir() else f"the file {path}"
