"""Containers of recorded video: open them, find the picture stream, and what they say of their length."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.stream import Disposition

from stream.errors import SourceError
from stream.picture_size import LIBAV_BOUNDS, MOST_PIXELS
from stream.sources.video.tracks import find_track

_DURATION_TAG = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
# libav's reader of text art would make a moving picture of any text file.
_NOT_VIDEO = {"tty"}
# MPEG-2 systems: stamps of 33 bits, and nothing is said of the length.
PROGRAM_STREAMS = ("mpegts", "mpeg")
# Time stamps of MPEG-2 systems have 33 bits (ISO/IEC 13818-1, section 2.4.3.6).
WRAP_TICKS = 2**33
_BARE_STREAMS = {"h264", "hevc", "vvc"}


def open_container(path: Path, hardware: HWAccel | None = None) -> Any:
    """Open a file for reading.

    Args:
        path: the file.
        hardware: what decodes its video in place of the CPU.

    Returns:
        An `av.container.InputContainer`; close it.

    Raises:
        SourceError: when it is missing, empty, a folder, not readable or no media file.
        av.error.FFmpegError: when it is the hardware that cannot be opened.
    """
    _check_file(path)
    try:
        # The prefix keeps libav from taking a colon in the name for a protocol.
        container = av.open(
            f"file:{path}", "r", options=LIBAV_BOUNDS, metadata_errors="replace", hwaccel=hardware
        )
    except av.error.FFmpegError as error:
        if hardware is not None:
            raise
        raise SourceError(_why_not_opened(path, error)) from None
    if container.format.name in _NOT_VIDEO:
        container.close()
        raise SourceError(f"{path} is not a video file of a known kind")
    return container


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise SourceError(f"the file {path} does not exist") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    if path.is_dir():
        raise SourceError(f"{path} is a folder where a video file is needed")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path} cannot be read: permission denied")
    if path.is_file() and size == 0:
        raise SourceError(f"{path} is empty")


def _why_not_opened(path: Path, error: av.error.FFmpegError) -> str:
    if not isinstance(error, av.error.InvalidDataError):
        return f"{path} cannot be read: {error.strerror}"
    if lacks_index(path):
        return f"{path} has no index: it was cut off before its recording was finished, or copied in part"
    return f"{path} is not a video file of a known kind, or is damaged at its beginning"


def lacks_index(path: Path) -> bool:
    """True for an MP4 or MOV without its `moov` box (ISO/IEC 14496-12, section 4.2: size, type)."""
    kinds, whole = set(), path.stat().st_size
    with path.open("rb") as file:
        while len(header := file.read(8)) == 8:
            size, kind = int.from_bytes(header[:4]), header[4:]
            kinds.add(kind)
            if size == 1:
                size = int.from_bytes(file.read(8)) - 8
            if not 8 <= size <= whole:
                break
            file.seek(size - 8, os.SEEK_CUR)
    return b"ftyp" in kinds and b"moov" not in kinds


def video_streams(container: Any) -> list[Any]:
    """The streams of moving pictures, without covers."""
    return [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]


def video_stream(container: Any, name: str, track: str | None = None) -> Any:
    """A stream of moving pictures.

    Args:
        container: opened for reading.
        name: of the file, for messages.
        track: number from 0 among its streams of moving pictures, language or title; None for the main one.

    Raises:
        SourceError: the file has none, not that one, its codec is unknown, or its pictures are too large.
    """
    streams = video_streams(container)
    if not streams:
        if container.streams.audio:
            raise SourceError(f"{name} holds sound but no video")
        raise SourceError(f"{name} holds no video")
    if track is None:
        best = container.streams.best("video")
        stream = best if best in streams else streams[0]
    else:
        stream = find_track(streams, name, track)
    if stream.codec_context is None:
        raise SourceError(f"{name} is of a codec that cannot be decoded here")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        raise SourceError(
            f"{name} states pictures of {width}x{height} pixels; up to "
            f"{MOST_PIXELS // 10**6} million are read"
        )
    stream.codec_context.options = dict(LIBAV_BOUNDS)
    return stream


def frame_rate(container: Any, stream: Any) -> Fraction | None:
    """Frames a second; None when unknown.

    Streams of H.264 and HEVC without a container have no times, and libav states 25 frames a second for them;
    what the stream itself says of its rate, it takes for a guess.
    """
    if container.format.name in _BARE_STREAMS:
        return stream.guessed_rate or stream.average_rate or None
    return stream.average_rate or stream.guessed_rate or None


def declared_end_s(container: Any, stream: Any, rate: Fraction | None) -> Fraction | None:
    """The end of the pictures that the file states, in seconds on the timeline of its time stamps.

    None where nothing is said, as in files that are written to be readable when cut off.
    """
    if container.format.name in PROGRAM_STREAMS:
        return None  # libav works it out from the last stamp that is there
    start_s = (stream.start_time or 0) * stream.time_base
    if "avi" in container.format.name and rate:
        # libav scales the duration of an AVI file down to its size; its number of frames is as written.
        return start_s + stream.frames / rate if stream.frames else None
    tag = _DURATION_TAG.match(stream.metadata.get("DURATION", ""))
    if tag:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3])
    if "matroska" in container.format.name:
        alone = len(container.streams) == 1
        return Fraction(container.duration, av.time_base) if alone and container.duration else None
    if stream.duration:
        return Fraction(start_s + stream.duration * stream.time_base)
    return None


def declared_frames(container: Any, stream: Any, rate: Fraction | None) -> int | None:
    """The number of frames that the file states, else its length times the rate, else None."""
    if stream.frames:
        return int(stream.frames)
    if container.format.name in PROGRAM_STREAMS and stream.duration and rate:
        # Longer than stamps reach is a recording whose stamps begin again.
        return round(stream.duration * stream.time_base * rate) if stream.duration < WRAP_TICKS // 2 else None
    start_s = Fraction((stream.start_time or 0) * stream.time_base)
    end_s = declared_end_s(container, stream, rate)
    if end_s is None and container.duration:
        end_s = start_s + Fraction(container.duration, av.time_base)
    if end_s is None or not rate or end_s <= start_s:
        return None
    return round((end_s - start_s) * rate)
