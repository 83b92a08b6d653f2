"""One side of a recorded camera pair as a source of frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.radiometry import Radiometry
from stream.recording.reader import Recording, TrackReader
from stream.sources.base import SourceBase, SourceInfo


class RecordedSide(SourceBase):
    """The frames of one camera of a recording, for `recording://FOLDER`."""

    def __init__(self, folder: Path, side: Side, radiometry: Radiometry | None = None) -> None:
        """Read the first frame.

        Args:
            folder: of the recording.
            side: which camera.
            radiometry: as the user states it; by default that of the recording.

        Raises:
            SourceError: it is no recording, or has no frame of this camera.
        """
        super().__init__()
        self._stated = radiometry
        recording = self._recording = Recording(folder)
        self._side = side
        self._track, self._count = TrackReader(recording, side), len(recording.entries[side])
        first = self._track.frame(0)
        if first is None:
            raise SourceError(f"the recording {folder} has no frame of the {side} camera")
        width, height = first.size
        self.info = SourceInfo(
            f"recording://{folder}",
            width,
            height,
            first.pixel_format,
            first.bits,
            rate=recording.rate(side),
            frames=self._count,
            codec="recording",
            radiometry=radiometry or first.radiometry,
        )

    def _read(self) -> Iterator[Frame]:
        last_s: Fraction | None = None
        count = 0
        for number in range(self._count):
            frame = self._track.frame(number)
            if frame is None:
                self._recording.is_closed = False
                break
            if last_s is not None and frame.time_s <= last_s:
                self.lost["out_of_order"] += 1
                continue
            last_s = frame.time_s
            count += 1
            yield replace(frame, radiometry=self._stated) if self._stated else frame
        self._recording.tell_early_end(f"after {count} {self._side} frames")

    def close(self) -> None:
        """Close the files; may be called twice."""
        self._track.close()
