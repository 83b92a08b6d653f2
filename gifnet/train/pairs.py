"""Registered pairs from folders of pictures and from clips, kept in memory as grey uint8."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gifnet.errors import TrainingError

Grey = NDArray[np.uint8]

_PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
_BLUE_GREEN_RED = (0.114, 0.587, 0.299)  # luma of ITU-R BT.601
_THERMAL_PERCENTILES = (1.0, 99.5)


@dataclass(frozen=True)
class Pair:
    """One registered pair.

    Attributes:
        name: where it comes from, for messages.
        scene: name of its folder or clip; pairs of one scene resemble each other.
        visible: `[H, W]` uint8 luma.
        thermal: `[H, W]` uint8 grey.
    """

    name: str
    scene: str
    visible: Grey
    thermal: Grey


class _OfScene(Protocol):
    @property
    def scene(self) -> str: ...


Some = TypeVar("Some", bound=_OfScene)


def load_pairs(roots: Sequence[Path], clip_step: int = 10, smallest_px: int = 1) -> list[Pair]:
    """Read every pair under the given folders.

    A pair is `visible/NAME.*` and `thermal/NAME.*` in one folder at any depth, or frames of
    `NAME_visible.mp4` and `NAME_thermal.mp4` at the same place in both.

    Args:
        roots: folders to search.
        clip_step: take every n-th frame of a clip.
        smallest_px: the shortest side that a picture may have.

    Raises:
        TrainingError: a folder without pairs, or files that are unreadable, of two sizes or too small.
    """
    pairs = []
    for root in roots:
        if not root.is_dir():
            raise TrainingError(
                f"the data folder {root} does not exist; name one that holds visible/ and thermal/"
            )
        found = [*_picture_pairs(root), *(pair for _, pair in clip_pairs(root, clip_step))]
        if not found:
            raise TrainingError(
                f"no pairs in {root}: it needs folders visible/ and thermal/ with files of the same names,"
                " or clips NAME_visible.mp4 and NAME_thermal.mp4"
            )
        pairs += found
    _check_sizes(pairs, smallest_px)
    return pairs


def split(pairs: Sequence[Some], held_out: Sequence[str]) -> tuple[list[Some], list[Some]]:
    """Pairs to train on, and pairs of the held-out scenes.

    Raises:
        TrainingError: when a held-out scene is not there.
    """
    missing = sorted(set(held_out) - {pair.scene for pair in pairs})
    if missing:
        there = ", ".join(sorted({pair.scene for pair in pairs})[:20])
        raise TrainingError(
            f"held_out names scenes that are not in the data: {', '.join(missing)}; there are {there}"
        )
    kept = [pair for pair in pairs if pair.scene not in held_out]
    return kept, [pair for pair in pairs if pair.scene in held_out]


def luma(picture: NDArray[np.uint8]) -> Grey:
    """`[H, W, 3]` blue, green, red or `[H, W]` grey to `[H, W]` luma, all uint8."""
    if picture.ndim == 2:
        return picture
    return np.rint(picture.astype(np.float32) @ np.array(_BLUE_GREEN_RED, np.float32)).astype(np.uint8)


def stretch(counts: NDArray[np.generic]) -> Grey:
    """Counts `[H, W]` to uint8; more than 8 bits are stretched between two percentiles of the picture."""
    if counts.dtype == np.uint8:
        return counts.astype(np.uint8)
    values = counts.astype(np.float32)
    low, high = np.percentile(values, _THERMAL_PERCENTILES)
    scaled = (values - low) / max(float(high - low), 1.0)
    return np.asarray(np.rint(255 * np.clip(scaled, 0, 1)), np.uint8)


def _picture_pairs(root: Path) -> Iterator[Pair]:
    for visible_folder in sorted(root.rglob("visible")):
        thermal_folder = visible_folder.with_name("thermal")
        if not (visible_folder.is_dir() and thermal_folder.is_dir()):
            continue
        visible, thermal = _by_stem(visible_folder), _by_stem(thermal_folder)
        alone = sorted(set(visible) ^ set(thermal))
        if alone:
            raise TrainingError(
                f"{visible_folder.parent}: no partner for {_some(alone)} in visible/ or thermal/"
            )
        for stem, file in visible.items():
            scene = visible_folder.parent.name
            yield Pair(str(file), scene, luma(_read(file)), _grey_thermal(_read(thermal[stem])))


def _by_stem(folder: Path) -> dict[str, Path]:
    return {file.stem: file for file in sorted(folder.iterdir()) if file.suffix.lower() in _PICTURES}


def _read(file: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(file), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    if picture is None:
        raise TrainingError(f"the picture {file} cannot be read; remove or replace it")
    if picture.dtype != np.uint8 and "visible" in file.parts:
        picture = stretch(picture)
    return np.asarray(picture)


def _grey_thermal(picture: NDArray[np.uint8]) -> Grey:
    # Grey files come back with three equal channels; a palette would not be temperature anyway.
    return stretch(picture[..., 0]) if picture.dtype != np.uint8 else luma(picture)


def clip_pairs(root: Path, step: int) -> Iterator[tuple[int, Pair]]:
    """Every n-th frame of all clips in a folder, with its number."""
    for visible_file in sorted(root.rglob("*_visible.mp4")):
        scene = visible_file.name.removesuffix("_visible.mp4")
        thermal_file = visible_file.with_name(f"{scene}_thermal.mp4")
        if not thermal_file.is_file():
            raise TrainingError(f"the clip {visible_file} has no partner; expected {thermal_file}")
        frames = zip(_frames(visible_file, step), _frames(thermal_file, step), strict=False)
        for index, (visible, thermal) in enumerate(frames):
            yield index * step, Pair(f"{visible_file} frame {index * step}", scene, visible, thermal)


def _frames(file: Path, step: int) -> Iterator[Grey]:
    import av

    try:
        with av.open(str(file)) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index % step == 0:
                    yield luma(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
    except (av.error.FFmpegError, IndexError) as error:
        raise TrainingError(f"the clip {file} cannot be decoded ({error}); remove or replace it") from None


def _check_sizes(pairs: Sequence[Pair], smallest_px: int) -> None:
    unlike = [pair.name for pair in pairs if pair.visible.shape != pair.thermal.shape]
    if unlike:
        raise TrainingError(f"visible and thermal must have one size; they differ for {_some(unlike)}")
    small = [pair.name for pair in pairs if min(pair.visible.shape) < smallest_px]
    if small:
        raise TrainingError(
            f"pictures must be at least {smallest_px} pixels on each side; smaller: {_some(small)}"
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
