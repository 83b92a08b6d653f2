"""Metadata of a picture file: EXIF, colour profile, transparency, TIFF tags."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from stream.frame import Pixels
from stream.picture_size import is_bounded
from stream.sources.pictures.geotiff import ICC_TAG, Tags, read_page, read_tags
from stream.sources.pictures.orientation import ORIENTATION, exif_entries, orientation_of, turned
from stream.sources.pictures.tiff import TIFF_SUFFIXES

_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata that goes from a source file into the fused one.

    Attributes:
        exif: the EXIF block of a JPEG, PNG or WebP, without its thumbnail and with orientation 1.
        icc: the colour profile.
        tags: georeference and texts of a TIFF, see `read_tags`.
    """

    exif: bytes = b""
    icc: bytes = b""
    tags: Tags = field(default_factory=dict)


def read_metadata(path: Path) -> Metadata:
    """The metadata of a picture file; empty where it has none or is damaged."""
    blocks = {} if path.suffix.lower() in TIFF_SUFFIXES else _blocks(path.read_bytes())
    tags = read_tags(path)
    icc = tags.pop(ICC_TAG).data if ICC_TAG in tags else blocks.get(cv2.IMAGE_METADATA_ICCP, b"")
    return Metadata(_as_upright(blocks.get(cv2.IMAGE_METADATA_EXIF, b"")), icc, tags)


def read_alpha(path: Path) -> Pixels | None:
    """The transparency of a picture, upright, [H, W] of the depth as stored; None where it has none."""
    if path.suffix.lower() in TIFF_SUFFIXES:
        page = read_page(path, alpha=True)
        is_rgba = page is not None and page.ndim == 3 and page.shape[2] == 4
        return np.ascontiguousarray(page[..., 3]) if page is not None and is_rgba else None
    data = path.read_bytes()
    if data.startswith(b"\xff\xd8") or not is_bounded(data):
        return None
    try:
        stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if stored is None or stored.ndim != 3 or stored.shape[2] != 4:
        return None
    exif = _blocks(data).get(cv2.IMAGE_METADATA_EXIF, b"")
    return np.ascontiguousarray(turned(stored[..., 3], orientation_of(exif)))


def _blocks(data: bytes) -> dict[int, bytes]:
    if not is_bounded(data):
        return {}
    try:
        _, kinds, blocks = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), flags=_AS_STORED)
    except cv2.error:
        return {}
    return {int(kind): np.asarray(block).tobytes() for kind, block in zip(kinds, blocks, strict=True)}


def _as_upright(exif: bytes) -> bytes:
    """Pixels are turned when they are read, and the thumbnail is not of the fused picture."""
    order, entries, link = exif_entries(exif)
    changed = bytearray(exif)
    for tag, at in entries:
        if tag == ORIENTATION and at + 10 <= len(exif):
            struct.pack_into(order + "H", changed, at + 8, 1)
    if link:
        struct.pack_into(order + "I", changed, link, 0)
    return bytes(changed)
