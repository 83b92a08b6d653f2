"""Write a fused picture with what belongs to it: transparency, EXIF, colour profile, TIFF tags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from stream.errors import SinkError, SourceError
from stream.files.atomic_write import write_atomic
from stream.files.output_path import reason
from stream.frame import Pixels
from stream.sources.pictures.geotiff import ICC_TAG, add_tags, encode_bands, icc_tag
from stream.sources.pictures.metadata import Metadata, read_alpha
from stream.stills.pairs import OUTPUT_KINDS

_JPEG_QUALITY = 95


def joint_alpha(paths: Sequence[Path], size: tuple[int, int], top: int) -> Pixels | None:
    """The transparency of fused pictures: of each pixel the least opaque one.

    Args:
        paths: of the pictures.
        size: width and height of the fused picture.
        top: the count that is white in it.

    Returns:
        [H, W] uint8, or uint16 for `top` above 255; None where no picture has an alpha channel.

    Raises:
        SourceError: an alpha channel of another size.
    """
    least: Pixels | None = None
    for path in paths:
        alpha = read_alpha(path)
        if alpha is None:
            continue
        own = (alpha.shape[1], alpha.shape[0])
        if own != size:
            raise SourceError(
                f"{path} has an alpha channel of {own[0]}x{own[1]} pixels, and the fused picture has "
                f"{size[0]}x{size[1]}; save {path.name} without its alpha channel"
            )
        full = 255 if alpha.dtype == np.uint8 else 65535
        scaled = alpha.astype(np.float32) * np.float32(top / full)
        least = scaled if least is None else np.minimum(least, scaled)
    return None if least is None else least.round().astype(np.uint8 if top <= 255 else np.uint16)


def save_picture(
    path: Path, pixels: Pixels, alpha: Pixels | None = None, metadata: Metadata | None = None
) -> None:
    """Write a picture, whole or not at all.

    JPEG and PNG keep EXIF and colour profile; TIFF keeps the profile, texts and georeference. JPEG cannot be
    transparent: an alpha channel that is opaque everywhere is left out.

    Args:
        path: ends in one of `OUTPUT_KINDS`.
        pixels: [H, W, 3] RGB or [H, W]; uint8 or, for PNG and TIFF, uint16.
        alpha: [H, W] of the same depth.
        metadata: of the source.

    Raises:
        SinkError: it cannot be written.
    """
    kind = OUTPUT_KINDS[path.suffix.lower()]
    if alpha is not None and kind == "jpg":
        if (alpha < np.iinfo(alpha.dtype).max).any():
            raise SinkError(f"{path} cannot be transparent, as an input is; name a .png or .tif file")
        alpha = None
    try:
        write_atomic(path, _encoded(_stored(pixels, alpha), kind, metadata or Metadata()), durable=False)
    except (OSError, cv2.error) as error:
        raise SinkError(f"{path} cannot be written: {reason(error)}") from None


def save_bands(path: Path, bands: list[Pixels], metadata: Metadata) -> None:
    """Write bands into one TIFF with the georeference of the source, whole or not at all.

    Args:
        path: ends in .tif or .tiff.
        bands: each [H, W], all uint8 or all uint16.
        metadata: of the source.

    Raises:
        SinkError: it cannot be written.
    """
    try:
        write_atomic(path, add_tags(encode_bands(np.stack(bands, axis=-1)), metadata.tags), durable=False)
    except OSError as error:
        raise SinkError(f"{path} cannot be written: {reason(error)}") from None


def _stored(pixels: Pixels, alpha: Pixels | None) -> Pixels:
    """Pixels as the encoder takes them: [H, W], or BGR, or BGRA where there is transparency."""
    bgr = pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if alpha is None:
        return bgr
    colour = bgr if bgr.ndim == 3 else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_GRAY2BGR))
    return np.dstack((colour, alpha))


def _encoded(stored: Pixels, kind: str, metadata: Metadata) -> bytes:
    if kind == "tif":
        _, content = cv2.imencode(".tif", stored)
        icc = {ICC_TAG: icc_tag(metadata.icc)} if metadata.icc else {}
        return add_tags(content.tobytes(), metadata.tags | icc)
    # A profile of RGB does not fit a grey picture.
    blocks = [(cv2.IMAGE_METADATA_EXIF, metadata.exif)]
    blocks += [(cv2.IMAGE_METADATA_ICCP, metadata.icc)] if stored.ndim == 3 else []
    kept = [(each, np.frombuffer(block, np.uint8)[None]) for each, block in blocks if block]
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if kind == "jpg" else []
    if not kept:
        return cv2.imencode(f".{kind}", stored, options)[1].tobytes()
    kinds, data = [each for each, _ in kept], [block for _, block in kept]
    _, content = cv2.imencodeWithMetadata(f".{kind}", stored, kinds, data, options)
    return np.asarray(content).tobytes()
