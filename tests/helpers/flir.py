"""Radiometric JPEGs as FLIR's cameras write them, built byte by byte for tests."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from stream.radiometry import ZERO_CELSIUS_K, Planck

CAMERA = Planck(r1=21106.77, r2=0.012545258, b=1501.0, f=1.0, o=-7340, emissivity=0.95, reflected_celsius=20)


def flir_jpeg(
    counts: NDArray[np.uint16],
    *,
    png: bool = False,
    swapped: bool = True,
    camera: Planck | None = CAMERA,
    order: str = "<",
    part_bytes: int = 60_000,
    picture: tuple[int, int] = (96, 64),
    visible: bytes | None = None,
    overlay: tuple[float, int, int] | None = None,
) -> bytes:
    """A JPEG of a plain grey picture with the counts beside it.

    Args:
        counts: [H, W] raw counts.
        png: store them as a PNG file.
        swapped: with the two bytes of each count in the wrong order, as most cameras do in a PNG.
        camera: constants to write; None leaves the record out.
        order: byte order of the numbers, `<` or `>`.
        part_bytes: size of a part of the thermal file, one segment each.
        picture: width and height of the picture in pixels.
        visible: record of a visible picture, see `visible_record`.
        overlay: Real2IR, OffsetX and OffsetY.
    """
    records = [(1, _raw_record(counts, png, swapped, order))]
    if visible is not None:
        records.append((0x0E, visible))
    if overlay is not None:
        records.append((0x2A, struct.pack(order + "fhh", *overlay).ljust(32, b"\0")))
    if camera is not None:
        records.append((0x20, camera_record(camera, order)))
    return with_parts(split(fff(records), part_bytes), picture)


def fff(records: list[tuple[int, bytes]], order: str = "<") -> bytes:
    """An FFF file of records, the directory first."""
    start = 64 + 32 * len(records)
    directory, body = b"", b""
    for kind, data in records:
        directory += struct.pack(order + "HHIIIIIII", kind, 1, 100, 1, start + len(body), len(data), 0, 0, 0)
        body += data
    head = b"FFF\0" + b"TEST".ljust(16, b"\0") + struct.pack(order + "III", 101, 64, len(records))
    return head.ljust(64, b"\0") + directory + body


def visible_record(rgb: NDArray[np.uint8], kind: str = "jpeg", order: str = "<") -> bytes:
    """A visible picture as `jpeg`, `png` or `bare`; the last two hold YCbCr, as cameras write it."""
    height, width = rgb.shape[:2]
    ycbcr = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    match kind:
        case "jpeg":
            stored = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
        case "png":
            stored = cv2.imencode(".png", np.ascontiguousarray(ycbcr[..., ::-1]))[1].tobytes()
        case _:
            stored = np.ascontiguousarray(ycbcr).tobytes()
    return struct.pack(order + "HHH", 4, width, height).ljust(32, b"\0") + stored


def camera_record(camera: Planck, order: str = "<") -> bytes:
    data = bytearray(0x400)
    struct.pack_into(order + "H", data, 0, 2)
    struct.pack_into(order + "f", data, 0x20, camera.emissivity)
    struct.pack_into(order + "f", data, 0x28, camera.reflected_celsius + ZERO_CELSIUS_K)
    struct.pack_into(order + "fff", data, 0x58, camera.r1, camera.b, camera.f)
    struct.pack_into(order + "if", data, 0x308, int(camera.o), camera.r2)
    return bytes(data)


def sequence(
    frames: list[NDArray[np.uint16]],
    times_ms: list[int] | None = None,
    *,
    csq: bool = False,
    rate: int = 0,
    order: str = "<",
) -> bytes:
    """FLIR's .seq, or .csq with counts compressed by JPEG-LS.

    Args:
        frames: [H, W] raw counts.
        times_ms: milliseconds since 1970 of each; None leaves the times out.
        csq: compress them.
        rate: frames a second that the camera states.
        order: byte order of the numbers.
    """
    blocks = []
    for index, counts in enumerate(frames):
        camera = bytearray(camera_record(CAMERA, order).ljust(0x500, b"\0"))
        struct.pack_into(order + "H", camera, 0x464, rate)
        if times_ms is not None:
            seconds, milliseconds = divmod(times_ms[index], 1000)
            struct.pack_into(order + "II", camera, 0x384, seconds, 0x50000 | milliseconds)
        raw = _raw_record(counts, False, False, order)
        raw = raw[:32] + jpeg_ls(counts) if csq else raw
        blocks.append(fff([(1, raw), (0x20, bytes(camera))], order))
    return b"".join(blocks)


def jpeg_ls(counts: NDArray[np.uint16]) -> bytes:
    """Counts as a JPEG-LS file."""
    encoder: Any = av.CodecContext.create("jpegls", "w")
    encoder.width, encoder.height, encoder.pix_fmt = counts.shape[1], counts.shape[0], "gray16le"
    encoder.time_base = Fraction(1, 25)
    picture = av.VideoFrame.from_ndarray(counts, "gray16le")
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


def split(block: bytes, part_bytes: int) -> list[bytes]:
    """FLIR segments of a file, numbered, without their JPEG marker."""
    parts = [block[at : at + part_bytes] for at in range(0, len(block), part_bytes)]
    return [b"FLIR\0\1" + bytes([number, len(parts) - 1]) + part for number, part in enumerate(parts)]


def with_parts(parts: list[bytes], picture: tuple[int, int] = (96, 64)) -> bytes:
    """A JPEG with APP1 segments behind its start."""
    grey: Any = np.full(picture[::-1], 90, np.uint8)
    jpeg = cv2.imencode(".jpg", grey)[1].tobytes()
    segments = b"".join(b"\xff\xe1" + (len(part) + 2).to_bytes(2) + part for part in parts)
    return jpeg[:2] + segments + jpeg[2:]


def _raw_record(counts: NDArray[np.uint16], png: bool, swapped: bool, order: str) -> bytes:
    height, width = counts.shape
    head = struct.pack(order + "HHH", 2, width, height).ljust(32, b"\0")
    if png:
        stored = counts.byteswap() if swapped else counts
        return head + cv2.imencode(".png", stored)[1].tobytes()
    return head + counts.astype(order + "u2").tobytes()
