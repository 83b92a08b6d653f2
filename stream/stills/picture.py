"""A still picture as the network and the colour rule take it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from cuda_kernels import reference
from cuda_kernels.reference import colour as rows
from gifnet.config import MIN_SIDE_PX
from stream.config import GainSettings
from stream.errors import SourceError
from stream.frame import Pixels
from stream.picture_size import check_size
from stream.sources.pictures.decode import PICTURE_SUFFIXES, convert_picture, read_picture
from stream.sources.pictures.geotiff import check_readable, read_page
from stream.sources.pictures.tiff import TIFF_SUFFIXES
from stream.sources.pictures.unsupported import CONVERT, describe_unsupported
from stream.thermal.agc import Agc

Size = tuple[int, int]
_DEPTHS_OF_16_BITS = (10, 12, 14, 16)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The luma and chroma of a picture, for the network and the colour rule.

    Attributes:
        luma: [H, W] float32 in 0..255; whole numbers for a picture of 8 bits.
        chroma: cb and cr, each [H, W] float32; None for a grey picture.
    """

    luma: Tensor
    chroma: reference.TensorPair | None

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return self.luma.shape[1], self.luma.shape[0]


@dataclass(frozen=True, slots=True)
class Survey:
    """The pictures of a group before they are fused.

    Attributes:
        sizes: width and height of each.
        top: the count that is white in those of 16 bits; 255 where all have 8.
    """

    sizes: tuple[Size, ...]
    top: int


def survey_pictures(paths: Iterable[Path], thermal: int | None = None) -> Survey:
    """Sizes of pictures, and the count that is white in those of 16 bits.

    Cameras store 10, 12 or 14 bits in 16. White is the smallest 2^n - 1 of these and 16 that no count of any
    picture exceeds, so that exposures keep their relation.

    Args:
        paths: pictures of 8 or 16 bits.
        thermal: index of the thermal picture, whose counts mean something else.

    Raises:
        SourceError: one is missing, is no whole picture, or is too small for the network.
    """
    sizes, top = [], 255
    for index, path in enumerate(paths):
        stored = read_counts(path)
        sizes.append((stored.shape[1], stored.shape[0]))
        if stored.dtype == np.uint16 and index != thermal:
            largest = int(stored.max())
            top = max(top, next(2**bits - 1 for bits in _DEPTHS_OF_16_BITS if largest < 2**bits))
    return Survey(tuple(sizes), top)


def check_one_size(paths: Iterable[Path], sizes: Iterable[Size], advice: str) -> None:
    """Refuse pictures of differing sizes.

    Args:
        paths: of the pictures.
        sizes: of the pictures.
        advice: what to do, for the message.

    Raises:
        SourceError: the sizes differ.
    """
    (first, size), *others = zip(paths, sizes, strict=True)
    for path, other in others:
        if other != size:
            raise SourceError(
                f"{first} has {size[0]}x{size[1]} pixels and {path} {other[0]}x{other[1]}; "
                f"pictures that are fused must cover the same view with one size: {advice}"
            )


def load_picture(
    path: Path,
    colour: bool | None = None,
    device: torch.device | str = "cpu",
    top: int | None = None,
) -> Picture:
    """Read a picture for fusion.

    Args:
        path: a picture of 8 or 16 bits.
        colour: whether its colour matters; None decides by the file: colour where the channels differ.
        device: where the tensors go.
        top: the count of 16 bits that is white; None spreads 16-bit grey over its percentiles, as thermal
            counts are, and takes 65535 for colour.

    Raises:
        SourceError: the file is missing, is no whole picture, or is too small for the network.
    """
    stored = read_counts(path)
    if colour is None:
        colour = stored.ndim == 3 and bool((stored != stored[..., :1]).any())
    if stored.dtype == np.uint16 and top is not None:
        return _of_16_bits(stored, colour, top, device)
    if not colour:
        return Picture(_grey(path, stored).to(device), None)
    rgb = torch.from_numpy(_rgb(path, stored)).to(device)
    return Picture(reference.luma(rgb), reference.chroma(rgb))


def picture_of(counts: Pixels, top: int, device: torch.device | str = "cpu") -> Picture:
    """A grey picture of counts.

    Args:
        counts: [H, W] uint8 or uint16.
        top: the count that is white.
        device: where the tensor goes.
    """
    scaled = torch.from_numpy(counts.astype(np.float32)) * (255 / top)
    return Picture(scaled.clamp(0, 255).to(device), None)


def read_counts(path: Path) -> Pixels:
    """A picture as it is stored, checked: [H, W] or [H, W, 3] (BGR), uint8 or uint16, upright, without alpha.

    Raises:
        SourceError: the file is missing, is no whole picture, or is too small for the network.
    """
    if not path.is_file():
        raise SourceError(f"the picture {path} does not exist")
    check_readable(path)
    is_tiff = path.suffix.lower() in TIFF_SUFFIXES
    stored = read_page(path) if is_tiff else read_picture(path)
    if stored is None:
        check_size(path)
        kinds = ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES))
        kind = describe_unsupported(path)
        if kind:
            raise SourceError(f"{path} is {kind}, which is not supported; {CONVERT}")
        raise SourceError(f"{path} is not a whole picture; {kinds} files are read")
    if stored.dtype not in (np.uint8, np.uint16):
        raise SourceError(f"{path} has pixels of {stored.dtype}; pictures of 8 or 16 bits are read")
    height, width = stored.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise SourceError(
            f"{path} has {width}x{height} pixels; the network needs at least {MIN_SIDE_PX}x{MIN_SIDE_PX}"
        )
    return stored


def _of_16_bits(stored: Pixels, colour: bool, top: int, device: torch.device | str) -> Picture:
    scaled = torch.from_numpy(stored.astype(np.float32) * np.float32(255 / top)).to(device)
    if scaled.ndim == 2:
        zero = torch.zeros_like(scaled)
        return Picture(scaled, (zero, zero) if colour else None)
    rgb = scaled.flip(-1)
    luma, cb, cr = (rgb @ rgb.new_tensor(row) for row in (rows.LUMA_ROW, rows.CB_ROW, rows.CR_ROW))
    return Picture(luma.clamp(0, 255), (cb, cr) if colour else None)


def _grey(path: Path, stored: Pixels) -> Tensor:
    """[H, W] float32, whole numbers in 0..255."""
    if stored.ndim == 3 and path.suffix.lower() in TIFF_SUFFIXES:
        stored = np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2GRAY))
    elif stored.ndim == 3:
        # Decoded once more, because a JPEG holds a grey picture of its own that no colours give back.
        stored = np.asarray(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE))
    counts = torch.from_numpy(stored)
    if stored.dtype == np.uint8:
        return counts.to(torch.float32)
    return (Agc(GainSettings(), bits=16).show(counts) * 255).round()


def _rgb(path: Path, stored: Pixels) -> Pixels:
    """[H, W, 3] uint8."""
    if stored.ndim == 2:
        stored = _grey(path, stored).numpy().astype(np.uint8)
    return np.ascontiguousarray(convert_picture(stored, "visible", None))
