"""A still picture as the network and the colour rule take it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from cuda_kernels import reference
from cuda_kernels.reference import colour as rows
from gifnet.config import MIN_SIDE_PX
from stream.config import GainSettings, ThermalInputSettings
from stream.errors import SourceError
from stream.frame import Pixels, Side
from stream.picture_size import check_size
from stream.sources.palette.undo import warn_of_palette
from stream.sources.pictures.convert import choose_converter
from stream.sources.pictures.decode import (
    PICTURE_SUFFIXES,
    Stored,
    convert_picture,
    read_picture,
    read_stored,
)
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


def survey_pictures(paths: Sequence[Path], sides: Sequence[Side | None] = ()) -> Survey:
    """Sizes of pictures, and the count that is white in those of 16 bits.

    Cameras store 10, 12 or 14 bits in 16. White is the smallest 2^n - 1 of these and 16 that no count of any
    picture exceeds, so that exposures keep their relation.

    Args:
        paths: pictures of 8 or 16 bits.
        sides: the camera that each is of, see `load_picture`; counts of a thermal one mean something else.

    Raises:
        SourceError: one is missing, is no whole picture, or is too small for the network.
    """
    sizes, top = [], 255
    for path, side in zip_longest(paths, sides):
        stored = _checked(path, side).pixels
        sizes.append((stored.shape[1], stored.shape[0]))
        if stored.dtype == np.uint16 and side != "thermal":
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
    side: Side | None = None,
) -> Picture:
    """Read a picture for fusion.

    Args:
        path: a picture of 8 or 16 bits.
        colour: whether its colour matters; None decides by the file: colour where the channels differ.
        device: where the tensors go.
        top: the count of 16 bits that is white; None spreads 16-bit grey over its percentiles, as thermal
            counts are, and takes 65535 for colour.
        side: the camera that it is of: `visible` takes the visible picture in a radiometric JPEG, `thermal`
            counts, and degrees as counts; None takes the picture as it is stored.

    Raises:
        SourceError: the file is missing, is no whole picture, or is too small for the network.
    """
    stored, is_embedded = _read(path, side, colour)
    if colour is None:
        colour = stored.ndim == 3 and bool((stored != stored[..., :1]).any())
    if stored.dtype == np.uint16 and top is not None:
        return _of_16_bits(stored, colour, top, device)
    if not colour:
        return Picture(_grey(None if is_embedded else path, stored).to(device), None)
    rgb = torch.from_numpy(_rgb(stored)).to(device)
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
    return _checked(path, None).pixels


def _read(path: Path, side: Side | None, colour: bool | None) -> tuple[Pixels, bool]:
    """A picture of a camera, and whether it is a picture in another picture's file.

    Of the thermal one these are counts for a radiometric JPEG, and for degrees; colours stay, with a warning
    where they are those of a palette, unless they are not wanted: then they are taken back to warmth.
    """
    found = _checked(path, side)
    stored = found.pixels
    if side != "thermal":
        return stored, found.is_embedded
    if colour is not False and stored.dtype == np.uint8:
        if stored.ndim == 3:
            warn_of_palette(stored[..., ::-1], str(path), "--no-thermal-colour takes them back to warmth")
        return stored, False
    convert = choose_converter(stored, side, ThermalInputSettings(uri=str(path)), str(path))
    return convert(stored), False


def _checked(path: Path, side: Side | None) -> Stored:
    if not path.is_file():
        raise SourceError(f"the picture {path} does not exist")
    check_readable(path)
    found = _stored(path, side)
    if found is None:
        check_size(path)
        kinds = ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES))
        kind = describe_unsupported(path)
        if kind:
            raise SourceError(f"{path} is {kind}, which is not supported; {CONVERT}")
        raise SourceError(f"{path} is not a whole picture; {kinds} files are read")
    stored = found.pixels
    if side != "thermal" and stored.dtype not in (np.uint8, np.uint16):
        raise SourceError(f"{path} has pixels of {stored.dtype}; pictures of 8 or 16 bits are read")
    height, width = stored.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise SourceError(
            f"{path} has {width}x{height} pixels; the network needs at least {MIN_SIDE_PX}x{MIN_SIDE_PX}"
        )
    return found


def _stored(path: Path, side: Side | None) -> Stored | None:
    if side is not None and path.suffix.lower() not in TIFF_SUFFIXES:
        return read_stored(path, side)
    page = read_page(path) if path.suffix.lower() in TIFF_SUFFIXES else read_picture(path)
    return None if page is None else Stored(page)


def _of_16_bits(stored: Pixels, colour: bool, top: int, device: torch.device | str) -> Picture:
    scaled = torch.from_numpy(stored.astype(np.float32) * np.float32(255 / top)).to(device)
    if scaled.ndim == 2:
        zero = torch.zeros_like(scaled)
        return Picture(scaled, (zero, zero) if colour else None)
    rgb = scaled.flip(-1)
    luma, cb, cr = (rgb @ rgb.new_tensor(row) for row in (rows.LUMA_ROW, rows.CB_ROW, rows.CR_ROW))
    return Picture(luma.clamp(0, 255), (cb, cr) if colour else None)


def _grey(path: Path | None, stored: Pixels) -> Tensor:
    """[H, W] float32, whole numbers in 0..255, of a picture and its file."""
    if stored.ndim == 3 and path is not None and path.suffix.lower() not in TIFF_SUFFIXES:
        # Decoded again as grey, which is what a JPEG stores and its colours do not give back exactly.
        stored = np.asarray(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE))
    elif stored.ndim == 3:
        stored = np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2GRAY))
    counts = torch.from_numpy(stored)
    if stored.dtype == np.uint8:
        return counts.to(torch.float32)
    return (Agc(GainSettings(), bits=16).show(counts) * 255).round()


def _rgb(stored: Pixels) -> Pixels:
    """[H, W, 3] uint8."""
    if stored.ndim == 2:
        stored = _grey(None, stored).numpy().astype(np.uint8)
    return np.ascontiguousarray(convert_picture(stored, "visible", None))
