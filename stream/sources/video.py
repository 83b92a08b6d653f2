"""Video files of every container and codec that PyAV reads."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av import VideoFrame

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame
from stream.sources.base import SourceInfo
from stream.sources.containers import declared_end_s, declared_frames, open_container, video_stream
from stream.sources.pixels import Converter, choose_target, colour_of, display_matrix, rotation_degrees
from stream.sources.reader import Reader, Role
from stream.uri import mask

DEFAULT_RATE = Fraction(25)
# A file ends early when it misses more than this share of its stated length, and more than these frames.
MISSING_SHARE = Fraction(1, 50)
MISSING_FRAMES = 2


class VideoSource(Reader):
    """Frames of the main video stream of a file, at the times that the file states.

    Times are `pts * time_base`, exact and not shifted to zero; a frame without a time stamp gets its position
    divided by the rate. A frame that does not decode, or that the decoder marks as damaged, is left out and
    counted in `lost["corrupt"]`; one that is not later than the frame before, in `lost["out_of_order"]`.
    Positions (`Frame.index`) count the lost frames too. Where no matrix is tagged, video of up to 576 lines
    is taken for BT.601 and larger video for BT.709.

    Attributes:
        container: name of the container format.
    """

    def __init__(self, settings: InputSettings, path: Path, role: Role) -> None:
        """Open a file and decode its first frame.

        Args:
            settings: of the input; `bits` holds for thermal counts.
            path: the file.
            role: decides the pixel format of the frames.

        Raises:
            SourceError: when the file holds no video that can be decoded.
        """
        super().__init__()
        self._name = str(path)
        self._yielded = 0
        self._container = open_container(path)
        try:
            self._prepare(settings, role)
        except BaseException:
            self.close()
            raise

    def _prepare(self, settings: InputSettings, role: Role) -> None:
        self._stream: Any = video_stream(self._container, self._name)
        self._stream.thread_type = "AUTO"
        self._rate: Fraction | None = self._stream.average_rate or self._stream.guessed_rate or None
        # Read before decoding: libav revises what a file says while it reads.
        self._end_s = declared_end_s(self._container, self._stream, self._rate)
        self._read_until_s = Fraction(0)
        frames = declared_frames(self._container, self._stream, self._rate)
        self._pictures = self._decode()
        first = next(self._pictures, None)
        if first is None:
            raise SourceError(f"{self._name} holds no frame that can be decoded: it is damaged or cut off")
        self._first: VideoFrame | None = first
        self._size = first.width, first.height
        matrix = display_matrix(first)
        self.stored_format = first.format.name
        self.stored_bits = first.format.components[0].bits
        self.container: str = self._container.format.name
        self.rotation = rotation_degrees(matrix)
        self._target = choose_target(first.format, role, settings.bits, self._name)
        self._convert = Converter(self._target)
        width, height = self._size if matrix[0] else self._size[::-1]
        self.info = SourceInfo(
            uri=mask(settings.uri),
            width=width,
            height=height,
            pixel_format=self._target.pixel_format,
            bits=self._target.bits,
            rate=self._rate,
            frames=frames,
            time_base=self._stream.time_base,
            colour=colour_of(self._stream.codec_context),
            codec=self._stream.codec_context.name,
            audio=bool(self._container.streams.audio),
        )

    def _read(self) -> Iterator[Frame]:
        last_s: Fraction | None = None
        for picture in self._all_pictures():
            self._check_size(picture)
            time_s = self._time_s(picture)
            if last_s is not None and time_s <= last_s:
                self.lost["out_of_order"] += 1
                continue
            last_s = time_s
            yield self._frame(picture, time_s)
            self._yielded += 1
        self._check_end()

    def _all_pictures(self) -> Iterator[VideoFrame]:
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._pictures

    def _decode(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            for picture in self._decode_packet(packet):
                if picture.is_corrupt:
                    self.lost["corrupt"] += 1
                else:
                    yield picture

    def _packets(self) -> Iterator[Any]:
        """Packets to the end of the file; the last one is empty and draws out what the decoder holds."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                raise SourceError(
                    f"{self._name} cannot be read on after {_clock(self._read_until_s)}: {error.strerror}"
                ) from None
            if packet is None:
                return
            if packet.pts is not None:
                until_s = (packet.pts + (packet.duration or 0)) * packet.time_base
                self._read_until_s = max(self._read_until_s, until_s)
            yield packet

    def _decode_packet(self, packet: Any) -> Iterator[VideoFrame]:
        while True:
            try:
                yield from packet.decode()
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self.lost["corrupt"] += 1
                # The empty packet at the end may still draw out frames behind the damaged one.
                if packet.size:
                    return

    def _frame(self, picture: VideoFrame, time_s: Fraction) -> Frame:
        target = self._target
        try:
            pixels = self._convert(picture)
        except (av.error.FFmpegError, ValueError):
            raise SourceError(
                f"{self._name} has pixels of the format {picture.format.name}, which cannot be converted"
            ) from None
        return Frame(pixels, target.pixel_format, time_s, "pts", self._position(), target.bits)

    def _position(self) -> int:
        return self._yielded + self.lost.total()

    def _time_s(self, picture: VideoFrame) -> Fraction:
        if picture.pts is None or picture.time_base is None:
            return self._position() / (self._rate or DEFAULT_RATE)
        return picture.pts * picture.time_base

    def _check_size(self, picture: VideoFrame) -> None:
        size = picture.width, picture.height
        if size != self._size:
            raise SourceError(
                f"{self._name} changes size at frame {self._position()}: from {_by(self._size)} to "
                f"{_by(size)} pixels; cut it there and give the parts one by one"
            )

    def _check_end(self) -> None:
        if self._end_s is None:
            return
        missing_s = self._end_s - self._read_until_s
        frame_s = 1 / (self._rate or DEFAULT_RATE)
        if missing_s > max(MISSING_FRAMES * frame_s, MISSING_SHARE * self._end_s):
            raise SourceError(
                f"{self._name} ends early: it was read up to {_clock(self._read_until_s)} of "
                f"{_clock(self._end_s)}, the rest is missing"
            )

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._container.close()


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _clock(time_s: Fraction) -> str:
    minutes, seconds = divmod(float(time_s), 60)
    return f"{int(minutes)}:{seconds:06.3f}"
