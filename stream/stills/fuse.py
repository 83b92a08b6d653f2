"""One still picture and another to a fused one, with the colour rule of every published task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from cuda_kernels import reference
from gifnet.config import MIN_SIDE_PX
from stream.config import GainSettings
from stream.errors import SinkError, SourceError
from stream.files.atomic_write import write_atomic
from stream.files.output_path import reason
from stream.frame import Pixels
from stream.sinks.images import encode
from stream.sources.pictures.decode import PICTURE_SUFFIXES, convert_picture, read_picture
from stream.stills.pairs import OUTPUT_KINDS
from stream.thermal.agc import Agc

Network = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The luma and chroma of a picture, for the network and the colour rule.

    Attributes:
        path: where it came from.
        luma: [H, W] float32, whole numbers in 0..255.
        chroma: cb and cr, each [H, W] float32; None for a grey picture.
    """

    path: Path
    luma: Tensor
    chroma: reference.TensorPair | None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.luma.shape[1], self.luma.shape[0]


def load_picture(path: Path, colour: bool | None = None, device: torch.device | str = "cpu") -> Picture:
    """Read a picture for fusion.

    Args:
        path: a picture of 8 or 16 bits; 16-bit grey is brought to 8 bits by percentiles.
        colour: whether its colour matters; None decides by the file: colour where the channels differ.
        device: where the tensors go.

    Raises:
        SourceError: the file is missing, is no whole picture, or is too small for the network.
    """
    stored = _read(path)
    if colour is None:
        colour = stored.ndim == 3 and bool((stored != stored[..., :1]).any())
    if not colour:
        return Picture(path, _grey(path, stored).to(device), None)
    rgb = torch.from_numpy(_rgb(path, stored)).to(device)
    return Picture(path, reference.luma(rgb), reference.chroma(rgb))


@torch.inference_mode()
def fuse_pictures(visible: Picture, thermal: Picture, network: Network) -> Pixels:
    """Fuse two pictures of one size.

    Luma goes through the network. Colour comes from the one input that has any; of two, from both, each
    weighted by its distance from grey as in the published code (see
    `reference.blend_chroma`).

    Args:
        visible: the first picture; for tasks other than visible and thermal the published network's second.
        thermal: the second picture.
        network: from `gifnet.load`.

    Returns:
        [H, W, 3] uint8 RGB, or [H, W] uint8 where neither input has colour.

    Raises:
        SourceError: the sizes differ.
    """
    _check_one_size(visible, thermal)
    fused = network(visible.luma[None, None] / 255, thermal.luma[None, None] / 255)[0, 0] * 255
    chroma = _fused_chroma(visible, thermal)
    # Rounding half to even is what OpenCV does when it writes a float picture.
    grey = fused.clamp(0, 255).round().to(torch.uint8)
    return np.asarray((grey if chroma is None else reference.merge(fused, *chroma)).cpu().numpy())


def save_picture(path: Path, pixels: Pixels) -> None:
    """Write a picture, whole or not at all.

    Args:
        path: ends in one of `OUTPUT_KINDS`.
        pixels: [H, W, 3] uint8 RGB or [H, W] uint8.

    Raises:
        SinkError: it cannot be written.
    """
    try:
        write_atomic(path, encode(pixels, OUTPUT_KINDS[path.suffix.lower()]), durable=False)
    except (OSError, cv2.error) as error:
        raise SinkError(f"{path} cannot be written: {reason(error)}") from None


def _fused_chroma(visible: Picture, thermal: Picture) -> reference.TensorPair | None:
    if visible.chroma is not None and thermal.chroma is not None:
        return reference.blend_chroma(*visible.chroma, *thermal.chroma)
    return visible.chroma if thermal.chroma is None else thermal.chroma


def _read(path: Path) -> Pixels:
    if not path.is_file():
        raise SourceError(f"the picture {path} does not exist")
    stored = read_picture(path)
    if stored is None:
        kinds = ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES))
        raise SourceError(f"{path} is not a whole picture; {kinds} files are read")
    if stored.dtype not in (np.uint8, np.uint16):
        raise SourceError(f"{path} has pixels of {stored.dtype}; pictures of 8 or 16 bits are read")
    height, width = stored.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise SourceError(
            f"{path} has {width}x{height} pixels; the network needs at least {MIN_SIDE_PX}x{MIN_SIDE_PX}"
        )
    return stored


def _grey(path: Path, stored: Pixels) -> Tensor:
    """[H, W] float32, whole numbers in 0..255."""
    if stored.ndim == 3:
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


def _check_one_size(visible: Picture, thermal: Picture) -> None:
    if visible.size != thermal.size:
        (width, height), (other_width, other_height) = visible.size, thermal.size
        raise SourceError(
            f"{visible.path} has {width}x{height} pixels and {thermal.path} {other_width}x{other_height}; "
            "pictures that are fused must cover the same view with one size: register them first"
        )
