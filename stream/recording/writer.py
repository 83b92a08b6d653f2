"""Writes a recording."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

from stream.errors import SinkError
from stream.files.atomic_write import write_atomic
from stream.files.disk_guard import DiskGuard
from stream.files.output_path import reason
from stream.frame import Frame, FrameSet, Side
from stream.radiometry import as_json
from stream.recording import ABOUT, FRAMES, PAIRS, SCHEMA
from stream.recording.track import Track

# Frames that frame sets may still name.
_REMEMBERED = 256


class RecordingWriter:
    """Takes frames and frame sets; the frames of a set must come before it. Used by one thread.

    Attributes:
        frames: written, by side.
        frame_sets: written.
        skipped: frames that were not written because the disk was too full, by side.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, Any],
        segment_s: float | None = None,
        segment_mb: float | None = None,
        keep_free_mb: float | None = None,
    ) -> None:
        """Make the folder.

        Args:
            folder: to be made; must not hold a recording.
            about: what is known of the cameras, plain values without passwords.
            segment_s: seconds after which new files begin.
            segment_mb: megabytes of one file after which new files begin.
            keep_free_mb: with less free on the disk, writing pauses.

        Raises:
            SinkError: it holds one already, or cannot be made.
        """
        self._folder, self._segment_s, self._segment_mb = folder, segment_s, segment_mb
        self._guard = DiskGuard(folder, keep_free_mb)
        if (folder / ABOUT).exists():
            raise SinkError(f"{folder} holds a recording already; name another folder")
        try:
            folder.mkdir(exist_ok=True)
            made = datetime.now(UTC).isoformat(timespec="seconds")
            self._about = {"schema": SCHEMA, "made": made, **about, "closed": False}
            with ExitStack() as opened:
                self._frames = opened.enter_context(_new_list(folder / FRAMES))
                self._pairs = opened.enter_context(_new_list(folder / PAIRS))
                self._write_about()
                opened.pop_all()
        except OSError as error:
            raise SinkError(f"the recording {folder} cannot be made: {reason(error)}") from None
        self._tracks: dict[Side, Track] = {side: Track(folder, side) for side in ("visible", "thermal")}
        self._began_s: Fraction | None = None
        # Numbers of the last frames, which frame sets may still name.
        self._numbers: dict[Side, dict[tuple[Fraction, int], int]] = {"visible": {}, "thermal": {}}
        self.frames: dict[Side, int] = {"visible": 0, "thermal": 0}
        self.skipped: dict[Side, int] = {"visible": 0, "thermal": 0}
        self.frame_sets = 0

    def add_frame(self, side: Side, frame: Frame) -> None:
        """Write a frame.

        Raises:
            SinkError: when it cannot be written.
        """
        if not self._guard.has_room(frame.time_s):
            for track in self._tracks.values():
                track.finish()
            self.skipped[side] += 1
            return
        self._rotate(frame.time_s)
        track = self._tracks[side]
        track.write(frame)
        line = {
            "side": side,
            "file": track.file,
            "position": track.position - 1,
            "index": frame.index,
            "time_s": str(frame.time_s),
            "clock": frame.clock,
            "bits": frame.bits,
            "arrived_s": frame.arrived_s,
        }
        if frame.radiometry is not None:
            line["radiometry"] = as_json(frame.radiometry)
        self._write_line(self._frames, line)
        numbers = self._numbers[side]
        numbers[frame.time_s, frame.index] = self.frames[side]
        if len(numbers) > _REMEMBERED:
            del numbers[next(iter(numbers))]
        self.frames[side] += 1

    def add_frame_set(self, frame_set: FrameSet) -> None:
        """Write how frames were paired; leaves it out where one of them was not written.

        Raises:
            SinkError: when it cannot be written.
        """
        numbers: dict[Side, int | None] = {}
        if frame_set.visible is not None:
            numbers["visible"] = self.number("visible", frame_set.visible)
        if frame_set.thermal is not None:
            numbers["thermal"] = self.number("thermal", frame_set.thermal)
        if any(number is None for number in numbers.values()):
            return
        error_s = frame_set.pairing_error_s
        line: dict[str, Any] = {side: number for side, number in numbers.items()}
        line |= {"time_s": str(frame_set.time_s), "error_s": error_s, "flags": sorted(frame_set.flags)}
        self._write_line(self._pairs, line)
        self.frame_sets += 1

    def number(self, side: Side, frame: Frame) -> int | None:
        """Index of a frame on its side, from 0; None when it was not written, or long ago."""
        return self._numbers[side].get((frame.time_s, frame.index))

    def close(self) -> None:
        """Finish all files, also when one of them cannot be; may be called twice.

        Raises:
            SinkError: the first that could not be finished.
        """
        with ExitStack() as stack:
            for file in (self._frames, self._pairs):
                stack.callback(self._close_list, file)
            for track in self._tracks.values():
                stack.callback(track.finish)
        if not self._about["closed"]:
            self._mark_closed()

    def _mark_closed(self) -> None:
        self._about["closed"] = True
        try:
            self._write_about()
        except OSError as error:
            raise SinkError(f"the recording {self._folder} cannot be written: {reason(error)}") from None

    def _write_about(self) -> None:
        write_atomic(self._folder / ABOUT, json.dumps(self._about, indent=2) + "\n")

    def _close_list(self, file: Any) -> None:
        try:
            file.close()
        except OSError as error:
            raise SinkError(f"the recording {self._folder} cannot be written: {reason(error)}") from None

    def _write_line(self, file: Any, line: Mapping[str, Any]) -> None:
        try:
            file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise SinkError(f"the recording {self._folder} cannot be written: {reason(error)}") from None

    def _rotate(self, time_s: Fraction) -> None:
        """Begin new files of both sides when it is time."""
        if self._began_s is None:
            self._began_s = time_s
        old = self._segment_s is not None and abs(time_s - self._began_s) >= self._segment_s
        largest = max(track.bytes for track in self._tracks.values())
        if old or (self._segment_mb is not None and largest >= self._segment_mb * 1e6):
            self._began_s = time_s
            for track in self._tracks.values():
                track.finish()
                track.bytes = 0


def _new_list(path: Path) -> TextIO:
    """Open a file that is not there yet: nothing is replaced, and no link is followed."""
    return path.open("x", encoding="utf-8", buffering=1)
