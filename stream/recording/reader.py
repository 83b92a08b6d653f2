"""Reads a recording: its frame sets as they were, or the frames of one camera."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from stream.errors import SourceError
from stream.frame import Frame, FramePair, FrameSet, PixelFormat, Pixels, Side, SingleFrame
from stream.picture import YuvPlanes
from stream.picture_size import LIBAV_BOUNDS
from stream.recording import ABOUT, FRAMES, PAIRS, SCHEMA
from stream.recording.lines import Entry, read_frames, read_pairs
from stream.yuv import PlanesToRgb, luma_range, planes_of

_FORMATS: dict[str, PixelFormat] = {"gray": "gray8", "gray16le": "gray16le"}
# Frames that later frame sets may name again, such as a held thermal frame.
_KEPT = 4
LARGEST_ABOUT = 1 << 20

_log = logging.getLogger(__name__)


class Recording:
    """A folder that `RecordingWriter` made.

    Attributes:
        about: what is known of the cameras.
        entries: every frame, by side.
        is_closed: False when the recorder was ended before it could close it.
    """

    def __init__(self, folder: Path) -> None:
        """Read the lists.

        Raises:
            SourceError: it is no recording, or one of another version.
        """
        self.folder = folder
        self.about = _about(folder)
        schema = self.about.get("schema")
        if schema != SCHEMA:
            raise SourceError(
                f"{folder} is a recording of the kind {str(schema)[:60]!r}, and this version reads "
                f"{SCHEMA!r}; use the version that made it"
            )
        self.is_closed = self.about.get("closed") is not False
        self.entries: dict[Side, list[Entry]] = {"visible": [], "thermal": []}
        for side, entry in read_frames(folder / FRAMES):
            self.entries[side].append(entry)

    def frame_sets(self) -> Iterator[FrameSet]:
        """Pairs and single frames as they were when it was made."""
        tracks: dict[Side, TrackReader] = {side: TrackReader(self, side) for side in ("visible", "thermal")}
        count = 0
        try:
            for line in read_pairs(self.folder / PAIRS):
                frames = {side: tracks[side].frame(line[side]) for side in tracks if side in line}
                if None in frames.values():
                    self.is_closed = False
                    break
                yield _frame_set(line, frames)
                count += 1
        finally:
            for track in tracks.values():
                track.close()
        self.tell_early_end(f"after {count} frame sets")

    def tell_early_end(self, where: str) -> None:
        """Say in one sentence where a recording ends that was not closed."""
        if not self.is_closed:
            _log.warning(
                "%s ends early, %s: its recorder was ended before it could close it", self.folder, where
            )

    def rate(self, side: Side) -> Fraction | None:
        """Mean frames a second."""
        times = [entry.time_s for entry in self.entries[side]]
        if len(times) < 2 or times[-1] <= times[0]:
            return None
        return ((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1001)


class TrackReader:
    """Frames of one side by their numbers, which may only go forward, but for the last few."""

    def __init__(self, recording: Recording, side: Side) -> None:
        self._recording, self._side = recording, side
        self._entries = recording.entries[side]
        self._next = 0
        self._kept: dict[int, Frame] = {}
        self._file = ""
        self._container: Any = None
        self._pictures: Iterator[Any] = iter(())
        self._to_rgb: PlanesToRgb | None = None

    def frame(self, number: int) -> Frame | None:
        """The frame of a number; None when the video ends before it, since recording was not finished.

        Raises:
            SourceError: a file is missing or damaged.
        """
        while number not in self._kept:
            if number < self._next or self._next >= len(self._entries):
                return None
            frame = self._read(self._entries[self._next])
            if frame is None:
                return None
            self._kept[self._next] = frame
            self._next += 1
            for old in [kept for kept in self._kept if kept < self._next - _KEPT]:
                del self._kept[old]
        return self._kept[number]

    def close(self) -> None:
        """Close the file; may be called twice."""
        container, self._container = self._container, None
        self._pictures = iter(())
        if container is not None:
            container.close()

    def _read(self, entry: Entry) -> Frame | None:
        path = self._recording.folder / entry.file
        try:
            if entry.file != self._file:
                self._open(path, entry.file)
            picture = next(self._pictures, None)
        except av.error.FFmpegError as error:
            if entry.file == self._entries[-1].file:
                return None  # the file that was being written when the recorder was killed
            raise SourceError(f"{path} cannot be read: {error.strerror}") from None
        if picture is None:
            return None
        kind: PixelFormat = _FORMATS.get(picture.format.name, "rgb24")
        kept: Pixels | YuvPlanes
        if luma_range(picture):
            self._to_rgb = self._to_rgb or PlanesToRgb(picture)
            kept = planes_of(picture, self._to_rgb)
        else:
            kept = picture.to_ndarray(format={"gray8": "gray"}.get(kind, kind))
        radiometry = entry.radiometry
        return Frame(kept, kind, entry.time_s, entry.clock, entry.index, entry.bits, radiometry=radiometry)

    def _open(self, path: Path, name: str) -> None:
        self.close()
        if not path.is_file():
            raise SourceError(f"{path} is missing from the recording")
        self._container = av.open(f"file:{path}", options=LIBAV_BOUNDS, metadata_errors="replace")
        self._file = name
        if not self._container.streams.video or self._container.streams.video[0].codec_context is None:
            raise SourceError(f"{path} is not a video of a recording")
        self._container.streams.video[0].codec_context.options = dict(LIBAV_BOUNDS)
        self._pictures = _whole_pictures(self._container)
        self._to_rgb = None


def _whole_pictures(container: Any) -> Iterator[Any]:
    """Pictures up to the first packet that was not written to its end."""
    for packet in container.demux(video=0):
        if packet.is_corrupt:
            return
        yield from packet.decode()


def _about(folder: Path) -> dict[str, Any]:
    try:
        with (folder / ABOUT).open("rb") as file:
            about = json.loads(file.read(LARGEST_ABOUT))
    except (OSError, ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise SourceError(f"{folder} is not a recording: it has no readable {ABOUT}")
    return about


def _frame_set(line: dict[str, Any], frames: dict[Side, Frame | None]) -> FrameSet:
    visible, thermal = frames.get("visible"), frames.get("thermal")
    time_s, flags = line["time_s"], line["flags"]
    if visible is not None and thermal is not None:
        return FramePair(visible, thermal, time_s, line["error_s"], flags)
    if visible is not None:
        return SingleFrame(visible, "visible", time_s, flags)
    assert thermal is not None
    return SingleFrame(thermal, "thermal", time_s, flags)
