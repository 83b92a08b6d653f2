"""A recording of the fused picture that people start and stop while a run goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stream.errors import GifnetError
from stream.frame import ColourMap, FusedFrame, View
from stream.runtime.clock import Clock
from stream.sinks.base import Sink, SinkBase

# Opens a file for a view, and the colours of `thermal-colour`.
OpenFile = Callable[[Path, View, ColourMap], Sink]

_log = logging.getLogger(__name__)


class ClipRecorder(SinkBase):
    """Writes MP4 files between `start` and `stop`; these may be called by any thread, `write` by one.

    A clip that cannot be written is given up and says why; the run goes on.
    """

    def __init__(self, folder: Path, clock: Clock, open_file: OpenFile) -> None:
        """Nothing is written, and no folder made, before the first clip.

        Args:
            folder: of the clips.
            clock: for their names.
            open_file: opens each clip.
        """
        self._folder, self._clock, self._open = folder, clock, open_file
        self._lock = threading.Lock()
        self._wanted: tuple[View, ColourMap] | None = None
        self._sink: Sink | None = None
        self._path: Path | None = None
        self._why = ""

    def start(self, view: View, colour_map: ColourMap = "heat") -> dict[str, Any]:
        """Begin a clip with the next frame; one that goes on is left alone."""
        with self._lock:
            if self._wanted is None:
                self._wanted, self._path, self._why = (view, colour_map), self._new_path(view), ""
            return self._state()

    def stop(self) -> dict[str, Any]:
        """Finish the clip before the next frame."""
        with self._lock:
            self._wanted = None
            return self._state()

    def state(self) -> dict[str, Any]:
        """`recording`, `file` (None before the first), `frames`, and `why` the last one failed."""
        with self._lock:
            return self._state()

    def write(self, frame: FusedFrame) -> None:
        """A frame of the run."""
        with self._lock:
            wanted, path = self._wanted, self._path
        try:
            if wanted is None:
                self._finish()
                return
            assert path is not None
            if self._sink is None:
                self._sink = self._begin(path, *wanted)
            self._sink.write(frame)
        except (GifnetError, OSError) as error:
            self._give_up(str(error))

    def close(self) -> None:
        """Finish what is being written; may be called twice."""
        self.stop()
        self._finish()

    def _state(self) -> dict[str, Any]:
        sink = self._sink
        return {
            "recording": self._wanted is not None,
            "file": str(self._path) if self._path else None,
            "frames": sink.written if sink else 0,
            "why": self._why,
        }

    def _new_path(self, view: View) -> Path:
        date = datetime.fromtimestamp(self._clock.utc_ns() / 1e9, UTC)
        return self._folder / f"{view}-{date:%Y%m%dT%H%M%S}-{date.microsecond // 1000:03d}Z.mp4"

    def _begin(self, path: Path, view: View, colour_map: ColourMap) -> Sink:
        self._folder.mkdir(parents=True, exist_ok=True)
        sink = self._open(path, view, colour_map)
        _log.warning("recording %s", path)
        return sink

    def _finish(self) -> None:
        sink, self._sink = self._sink, None
        if sink:
            sink.close()
            _log.warning("recorded %d frames to %s", sink.written, self._path)

    def _give_up(self, why: str) -> None:
        _log.warning("the clip is given up: %s", why)
        sink, self._sink = self._sink, None
        with self._lock:
            self._wanted, self._why = None, why
        if sink:
            try:
                sink.close()
            except (GifnetError, OSError) as error:
                _log.debug("%s", error)
