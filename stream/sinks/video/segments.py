"""A sink that writes video file after video file: by time, by size, and when the pictures change theirs."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from stream.errors import SinkError
from stream.files.disk_guard import LOOK_S, DiskGuard
from stream.frame import FusedFrame
from stream.render.views import view_size
from stream.sinks.base import SinkBase, SinkOptions
from stream.sinks.video.settings import SIDECAR_SUFFIX
from stream.sinks.video.sidecar import Sidecar, check_sidecar
from stream.sinks.video.sink import VideoSink
from stream.sinks.video.timeline import DATES_FROM_S


class SegmentedSink(SinkBase):
    """Writes segments as `VideoSink` does, each a whole file.

    The first one has the name that was given, unless files are to be rotated; the others, and all when
    rotated, have the time of their first frame in UTC in their names, as `out-20261121T063208Z.mp4`, or their
    number where times are no dates. No file is written over by a later segment.

    With less than `keep_free_mb` free, the segment is finished and writing pauses until there is room again:
    frames of that time are counted in `skipped`.
    """

    def __init__(self, path: Path, options: SinkOptions) -> None:
        """Check the path and the encoder before the first frame.

        Args:
            path: name of the first file; the suffix chooses the container.
            options: how to write, and when to begin a new file.

        Raises:
            SinkError: as `VideoSink`.
        """
        self.written = self.skipped = 0
        self._path, self._options = path, options
        self._rotates = options.segment_s is not None or options.segment_mb is not None
        if options.sidecar:
            check_sidecar(path.with_suffix(SIDECAR_SUFFIX))
        # Kept for the first frame: it has been checked, and nothing is written before.
        self._next: VideoSink | None = VideoSink(path, options)
        self.encoder = self._next.encoder
        self._segment: VideoSink | None = None
        self._sidecar: Sidecar | None = None
        self._file = path
        self._size = (0, 0)
        self._number, self._began_s, self._looked_s = 0, Fraction(0), Fraction(-1)
        self._guard = DiskGuard(path, options.keep_free_mb)

    def write(self, frame: FusedFrame) -> None:
        """Write one frame, to a new file where it is time for one.

        Raises:
            SinkError: when it cannot be written for another reason than a full disk.
        """
        if not self._guard.has_room(frame.time):
            self._pause()
            self.skipped += 1
            return
        size = view_size(frame, self._options.view)
        if self._segment is not None and self._is_time(frame.time, size):
            self._finish()
        if self._segment is None:
            self._begin(frame.time, size)
        self._write(frame)

    def close(self) -> None:
        """Finish the last file; may be called twice."""
        self._finish()
        unused, self._next = self._next, None
        if unused:
            unused.close()

    def _write(self, frame: FusedFrame) -> None:
        assert self._segment is not None
        try:
            self._segment.write(frame)
        except SinkError as error:
            if self._options.keep_free_mb is None or "disk is full" not in str(error):
                raise
            self._guard.pause(str(error))
            self._pause()
            self.skipped += 1
            return
        self.written += 1
        if self._sidecar:
            self._sidecar.write(frame, self._file)

    def _begin(self, time_s: Fraction, size: tuple[int, int]) -> None:
        self._file = self._name(time_s)
        fresh, self._next = self._next, None
        self._segment = fresh if fresh and self._file == self._path else VideoSink(self._file, self._options)
        if self._options.sidecar:
            self._sidecar = Sidecar(self._file.with_suffix(SIDECAR_SUFFIX))
        self._size, self._began_s, self._number = size, time_s, self._number + 1

    def _finish(self) -> None:
        segment, self._segment = self._segment, None
        sidecar, self._sidecar = self._sidecar, None
        if sidecar:
            sidecar.close()
        if segment:
            segment.close()

    def _is_time(self, time_s: Fraction, size: tuple[int, int]) -> bool:
        """True when the next frame belongs into a new file."""
        options = self._options
        if size != self._size:
            return True
        # A clock that was set back would leave the file without an end.
        if options.segment_s is not None and not 0 <= time_s - self._began_s < options.segment_s:
            return True
        if options.segment_mb is None or not self._looks(time_s):
            return False
        return _bytes_of(self._file) >= options.segment_mb * 1e6

    def _pause(self) -> None:
        """Close what is open; on a full disk its end may not fit."""
        with suppress(SinkError):
            self._finish()

    def _looks(self, time_s: Fraction) -> bool:
        """True when it is time to look at the size of the file again."""
        if abs(time_s - self._looked_s) < LOOK_S:
            return False
        self._looked_s = time_s
        return True

    def _name(self, time_s: Fraction) -> Path:
        if self._number == 0 and not self._rotates:
            return self._path
        if time_s >= DATES_FROM_S:
            part = datetime.fromtimestamp(float(time_s), UTC).strftime("%Y%m%dT%H%M%SZ")
        else:
            part = f"{self._number:04d}"
        path = self._path.with_stem(f"{self._path.stem}-{part}")
        again = 1
        while self._is_taken(path) and (time_s >= DATES_FROM_S or self._number):
            again += 1
            path = self._path.with_stem(f"{self._path.stem}-{part}-{again}")
        return path

    def _is_taken(self, path: Path) -> bool:
        return path.exists() or (self._options.sidecar and path.with_suffix(SIDECAR_SUFFIX).exists())


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
