"""The video files of one camera in a recording, written without loss."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange

from stream.errors import SinkError
from stream.files.output_path import reason
from stream.frame import Frame, Side
from stream.picture import YuvPlanes
from stream.yuv import frame_of

# Encoder and its pixel format for each kind of frame, and its options; all of them exact.
_EXACT: dict[str, tuple[str, str, dict[str, str]]] = {
    "yuv420p": ("libx264", "yuv420p", {"qp": "0", "preset": "ultrafast", "tune": "zerolatency"}),
    "rgb24": ("libx264rgb", "rgb24", {"qp": "0", "preset": "ultrafast", "tune": "zerolatency"}),
    "gray8": ("ffv1", "gray", {"level": "3", "slices": "4"}),
    "gray16le": ("ffv1", "gray16le", {"level": "3", "slices": "4"}),
}
_STORED_AS = {"rgb24": "rgb24", "gray8": "gray", "gray16le": "gray16le"}
# No encoder holds a frame back, and each is in the file at once.
_CONTAINER = {"flush_packets": "1"}
_KEY_EVERY = 30
# Fine enough for players; exact times are in the list of frames.
_TICK = Fraction(1, 1000)


class Layout(NamedTuple):
    """Properties that all frames of a file share."""

    size: tuple[int, int]
    pixel_format: str
    matrix: int = 2
    luma_range: str = ""


class Track:
    """Writes file after file of one side, each of one layout.

    Attributes:
        file: name of the file being written.
        position: of the next frame in it.
        bytes: written to the file so far.
    """

    def __init__(self, folder: Path, side: Side) -> None:
        self.file, self.position, self.bytes = "", 0, 0
        self._folder, self._side, self._number = folder, side, 0
        self._layout: Layout | None = None
        self._first_s = Fraction(0)
        self._last = -1
        self._container: Any = None
        self._stream: Any = None

    def write(self, frame: Frame) -> None:
        """Write a frame, to a new file if it has another layout.

        Raises:
            SinkError: when it cannot be written.
        """
        layout = _layout_of(frame)
        try:
            if layout != self._layout:
                self.finish()
                self._begin(layout, frame)
            self._encode(frame)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from None
        self.position += 1

    def finish(self) -> None:
        """Finish the file; the next frame begins a new one. May be called twice.

        Raises:
            SinkError: when its end cannot be written; what was written before stays readable.
        """
        container, self._container, self._layout = self._container, None, None
        if container is None:
            return
        try:
            for packet in self._stream.encode(None):
                container.mux(packet)
            container.close()
        except (av.error.FFmpegError, OSError) as error:
            with suppress(av.error.FFmpegError, OSError):
                container.close()
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> SinkError:
        return SinkError(f"{self._folder / self.file} cannot be written: {reason(error)}")

    def _begin(self, layout: Layout, frame: Frame) -> None:
        self.file = f"{self._side}-{self._number:04d}.nut"
        self._number, self.position, self.bytes = self._number + 1, 0, 0
        self._first_s, self._last = frame.time_s, -1
        encoder, pixel_format, options = _EXACT[layout.pixel_format]
        path = str(self._folder / self.file)
        if os.path.lexists(path):
            raise SinkError(f"{path} exists already and would be overwritten; record to another folder")
        self._container = av.open(path, "w", format="nut", options=_CONTAINER)
        self._stream = self._container.add_stream(encoder, rate=30, options=options, time_base=_TICK)
        self._stream.width, self._stream.height = layout.size
        self._stream.pix_fmt = pixel_format
        if layout.luma_range:
            self._stream.codec_context.colorspace = layout.matrix
            self._stream.codec_context.color_range = (
                ColorRange.JPEG if layout.luma_range == "full" else ColorRange.MPEG
            )
        self._stream.codec_context.gop_size = _KEY_EVERY
        self._stream.codec_context.max_b_frames = 0
        self._layout = layout

    def _encode(self, frame: Frame) -> None:
        assert self._layout
        if isinstance(frame.picture, YuvPlanes) and self._layout.luma_range:
            picture = frame_of(frame.picture)
        else:
            kind = _STORED_AS[frame.pixel_format]
            picture = av.VideoFrame.from_ndarray(np.asarray(frame.pixels), format=kind)
        self._last = max(round((frame.time_s - self._first_s) / _TICK), self._last + 1)
        picture.pts, picture.time_base = self._last, _TICK
        for packet in self._stream.encode(picture):
            self.bytes += packet.size
            self._container.mux(packet)


def _layout_of(frame: Frame) -> Layout:
    """Planes are kept as they are where their encoder takes the size; both sides must be even."""
    planes, (width, height) = frame.picture, frame.size
    if isinstance(planes, YuvPlanes) and width % 2 == height % 2 == 0:
        return Layout(frame.size, "yuv420p", planes.matrix, planes.luma_range)
    return Layout(frame.size, frame.pixel_format)
