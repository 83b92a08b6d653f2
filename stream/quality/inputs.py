"""Inputs of a comparison: fused pictures of several methods, each with its visible and thermal picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gifnet.eval.single import Grey
from stream.errors import SourceError
from stream.sources.pictures.decode import read_picture
from stream.sources.pictures.listing import find_pictures


@dataclass(frozen=True, slots=True)
class Sample:
    """One fused picture of one method and its sources."""

    method: str
    name: str
    fused: Path
    visible: Path
    thermal: Path


def find_samples(visible: Path, thermal: Path, fused: dict[str, Path], every: int = 1) -> list[Sample]:
    """Pair every method's pictures with their sources by name, suffix aside.

    Every visible picture needs a thermal one and a fused one of every method: means over different pairs
    would compare nothing. Three files instead of three folders make one sample.

    Args:
        visible: a folder, or a picture.
        thermal: likewise.
        fused: folders or pictures by the name of the method.
        every: take every n-th pair.

    Raises:
        SourceError: folders without pictures, or missing partners.
    """
    sources = {"visible": visible, "thermal": thermal} | fused
    for path in sources.values():
        if not path.exists():
            raise SourceError(f"{path} does not exist; name a folder of pictures, a picture or a video")
    if all(path.is_file() for path in sources.values()):
        return [Sample(method, visible.stem, path, visible, thermal) for method, path in fused.items()]
    for path in sources.values():
        if path.is_file():
            raise SourceError(f"{path} is a file and others are folders; name files alone or folders alone")
    folders = {name: {path.stem: path for path in find_pictures(str(path))} for name, path in sources.items()}
    wanted = list(folders["visible"])
    for name, pictures in folders.items():
        missing = [stem for stem in wanted if stem not in pictures]
        if missing:
            raise SourceError(
                f"{sources[name]} lacks {len(missing)} of the {len(wanted)} pictures in {visible}, the first "
                f"{missing[0]}; every visible picture needs a thermal and a fused one of the same name"
            )
    return [
        Sample(method, stem, folders[method][stem], folders["visible"][stem], folders["thermal"][stem])
        for method in fused
        for stem in wanted[::every]
    ]


def read_grey(path: Path) -> Grey:
    """Read a picture for the metrics: [H, W] uint8; of a colour picture the BT.601 luma, rounded.

    Raises:
        SourceError: no whole picture of 8 bits.
    """
    pixels = read_picture(path)
    if pixels is None:
        raise SourceError(f"{path} is not a whole picture")
    if pixels.dtype != np.uint8:
        raise SourceError(
            f"{path} has pixels of {pixels.dtype}; metrics hold for pictures of 8 bits: "
            "name the grey picture that was fused"
        )
    return np.asarray(pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def read_sample(sample: Sample) -> tuple[Grey, Grey, Grey]:
    """Fused, visible and thermal as [H, W] uint8 of one size.

    Raises:
        SourceError: a picture that cannot be read, or sizes that differ.
    """
    paths = (sample.fused, sample.visible, sample.thermal)
    fused, visible, thermal = (read_grey(path) for path in paths)
    for path, picture in zip(paths, (fused, visible, thermal), strict=True):
        check_size(str(path), picture, str(sample.visible), visible)
    return fused, visible, thermal


def check_size(name: str, picture: Grey, other_name: str, other: Grey) -> None:
    """Refuse pictures of two sizes, and those too small for the metrics.

    Raises:
        SourceError: names both sizes.
    """
    (height, width), (other_height, other_width) = picture.shape, other.shape
    if picture.shape != other.shape:
        raise SourceError(
            f"{name} has {width}x{height} pixels and {other_name} {other_width}x{other_height}; "
            "fused and source pictures need one size"
        )
    if min(height, width) < 41:
        raise SourceError(f"{name} has {width}x{height} pixels; metrics need at least 41x41")
