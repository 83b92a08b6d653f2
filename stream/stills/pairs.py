"""Pictures that are fused together and their output files, from files or folders."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from stream.errors import SinkError, SourceError
from stream.files.output_path import check_place
from stream.sources.pictures.decode import holds_both_sides
from stream.sources.pictures.listing import find_pictures
from stream.stills.tasks import Task

# Suffix of the output -> the encoder's name of the format.
OUTPUT_KINDS = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".tif": "tif", ".tiff": "tif"}


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """Pictures in the order of the task, and where their fused one goes."""

    inputs: tuple[Path, ...]
    output: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """The planned work.

    Attributes:
        groups: in natural order of the first pictures' names.
        alone: pictures of a folder whose name another folder lacks.
    """

    groups: list[PictureGroup]
    alone: list[Path] = field(default_factory=list)


def plan_pictures(inputs: tuple[Path, ...], output: str, task: Task) -> Plan:
    """Group the pictures of files or folders, and name their outputs.

    Pictures of folders belong together when their names agree but for the suffix; where no name does and the
    folders hold equally many, they belong together in natural order. Outputs in a folder are named after the
    first picture, as PNG or, of pansharpening, TIFF. One folder is a stack of pictures for the tasks that
    take any number. One radiometric JPEG, or a folder of them, is both sides where it holds a visible
    picture.

    Args:
        inputs: pictures or folders, in the order of the task.
        output: a file, or a folder: one that exists or ends with a slash. For folders it is a folder, made
            where the folder above it exists.
        task: how many pictures belong together.

    Raises:
        SourceError: inputs that are missing, mixed or cannot be grouped, or too few or too many.
        SinkError: an output that cannot be written, or that is an input.
    """
    for path in inputs:
        if not path.exists():
            raise SourceError(f"{path} does not exist; name a picture or a folder of pictures")
    folders = [path for path in inputs if path.is_dir()]
    if folders and len(folders) < len(inputs):
        file = next(path for path in inputs if not path.is_dir())
        raise SourceError(
            f"name pictures or folders, as in two pictures or two folders, not both; got {_kind(folders[0])} "
            f"and {_kind(file)}"
        )
    if task.thermal and len(inputs) == 1 and _holds_pairs(inputs[0]):
        inputs, folders = inputs * 2, folders * 2
    if len(folders) == 1 and task.is_stack:
        inputs, folders = tuple(find_pictures(str(folders[0]))), []
    task.check_count(len(inputs))
    plan = (
        _plan_folders(folders, Path(output), task.suffix)
        if folders
        else _plan_files(inputs, output, task.suffix)
    )
    _check_not_input(plan)
    return plan


def _holds_pairs(path: Path) -> bool:
    """True for a radiometric JPEG that holds its visible picture too, or a folder that begins with one."""
    return holds_both_sides(find_pictures(str(path))[0] if path.is_dir() else path)


def _plan_files(inputs: tuple[Path, ...], output: str, suffix: str) -> Plan:
    place = Path(output)
    if place.is_dir() or output.endswith(("/", os.sep)):
        _make_folder(place)
        place = place / f"{inputs[0].stem}{suffix}"
    if place.suffix.lower() not in OUTPUT_KINDS:
        kinds = ", ".join(OUTPUT_KINDS)
        raise SinkError(f"the output {place} must end in one of {kinds}, or be a folder that ends with /")
    check_place(place)
    return Plan([PictureGroup(inputs, place)])


def _plan_folders(folders: list[Path], output: Path, suffix: str) -> Plan:
    rows, alone = group_folders(folders)
    _make_folder(output)
    return Plan([PictureGroup(row, output / f"{row[0].stem}{suffix}") for row in rows], alone)


def group_folders(folders: list[Path]) -> tuple[list[tuple[Path, ...]], list[Path]]:
    """Group the pictures of folders, by the rule of `plan_pictures`.

    Returns:
        One picture of each folder a group, in natural order of the first folder's names, and pictures that
        are alone.

    Raises:
        SourceError: a folder without pictures, or pictures that cannot be grouped.
    """
    listed = [_by_stem(folder) for folder in folders]
    common = set(listed[0]).intersection(*listed[1:])
    if common:
        rows = [tuple(each[stem] for each in listed) for stem in listed[0] if stem in common]
        return rows, [path for each in listed for stem, path in each.items() if stem not in common]
    for folder, pictures in zip(folders[1:], listed[1:], strict=True):
        if len(pictures) != len(listed[0]):
            raise SourceError(
                f"no picture of {folders[0]} ({len(listed[0])}) has the name of one in {folder} "
                f"({len(pictures)}), and the numbers differ; give pictures that belong together the same name"
            )
    return list(zip(*(each.values() for each in listed), strict=True)), []


def pair_folders(visible: Path, thermal: Path) -> tuple[list[tuple[Path, Path]], list[Path]]:
    """Pair the pictures of two folders, by the rule of `plan_pictures`; see `group_folders`."""
    rows, alone = group_folders([visible, thermal])
    return [(row[0], row[1]) for row in rows], alone


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
    inputs = {path.resolve() for group in plan.groups for path in group.inputs}
    for group in plan.groups:
        if group.output.resolve() in inputs:
            raise SinkError(f"the output {group.output} is also an input; name another place")


def _kind(path: Path) -> str:
    return f"the folder {path}" if path.is_dir() else f"the file {path}"
