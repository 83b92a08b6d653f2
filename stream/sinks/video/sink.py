"""A sink that writes a video file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av

from stream.errors import SinkError
from stream.files.output_path import check_place, reason
from stream.frame import FusedFrame
from stream.picture import size_of
from stream.render.views import kept_picture
from stream.sinks.base import SinkBase, SinkOptions
from stream.sinks.video.continuous_time import ContinuousTime
from stream.sinks.video.file import DEFAULT_RATE, VideoFile
from stream.sinks.video.settings import CONTAINERS
from stream.sinks.video.trial_encode import choose_coder, rehearse


class VideoSink(SinkBase):
    """Writes frames to an MP4, MOV or Matroska file at exactly the times that they have.

    MP4 and MOV keep the time base of the source, a start that is not zero and a varying rate; Matroska stores
    milliseconds, so that times are the nearest ones. Colour tags of the source are carried over. H.264 that
    browsers play needs even sides: an odd width or height grows by one repeated column or row. The file
    can be read while it is written, and after the process was killed but for the last picture (of an MP4 with
    sound, the last second). A clock that is set while its camera films makes no step in the file. The file
    appears, and replaces an older one, with the first frame.
    """

    def __init__(self, path: Path, options: SinkOptions) -> None:
        """Check everything that can be checked before the first frame.

        Args:
            path: of the file; the suffix chooses the container.
            options: how to write it.

        Raises:
            SinkError: when the path, the encoder or its quality is wrong, or the container cannot hold it.
        """
        self.written = 0
        self._path = path
        self._container = CONTAINERS[path.suffix.lower()]
        self._coder = choose_coder(self._container, options)
        self.encoder = self._coder[0].name
        check_place(path)
        self._options = rehearse(path, self._container, self._coder, options)
        self._file: VideoFile | None = None
        self._size = (0, 0)
        self._failed = False
        self._before = _trace(path)
        self._time = ContinuousTime(1 / (options.rate or DEFAULT_RATE))

    def write(self, frame: FusedFrame) -> None:
        """Write one frame.

        Raises:
            SinkError: when it cannot be written; what was written before stays playable.
        """
        kept = kept_picture(frame, self._options.view, self._options.colour_map)
        size, time_s = size_of(kept), self._time.file_s(frame)
        with self._one_sentence():
            if self._file is None:
                self._size = size
                self._file = self._open(size, time_s)
            self._check_size(size)
            self._file.add(kept, time_s)
        self.written += 1

    def close(self) -> None:
        """Finish the file; may be called twice.

        Raises:
            SinkError: when the end cannot be written.
        """
        file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._failed:
                with suppress(av.error.FFmpegError, OSError):
                    file.close()
            else:
                with self._one_sentence():
                    file.finish()
        finally:
            # Without a frame, what this sink has begun goes away; an older file that it never touched stays.
            if not self.written and _trace(self._path) != self._before:
                self._path.unlink(missing_ok=True)

    def _open(self, size: tuple[int, int], first_s: Fraction) -> VideoFile:
        return VideoFile(str(self._path), self._container, self._coder, self._options, size, first_s)

    def _check_size(self, size: tuple[int, int]) -> None:
        if size != self._size:
            was, now = (f"{width}x{height}" for width, height in (self._size, size))
            raise SinkError(f"{self._path} holds pictures of {was}, got one of {now}; a file has one size")

    @contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._failed = True
            raise SinkError(f"{self._path} cannot be written: {self._why(error)}") from error

    def _why(self, error: Exception) -> str:
        if self.written:
            return f"{reason(error)}; the first {self.written} frames were kept as far as they fitted"
        if not isinstance(error, av.error.ArgumentError):
            return reason(error)
        return (
            f"{self._coder[0].name} does not take pictures of {self._size[0]}x{self._size[1]}; "
            "take the encoder libx264, or pictures of another size"
        )


def _trace(path: Path) -> tuple[int, int] | None:
    """Time of change and size of a file, to notice writes; None where there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
