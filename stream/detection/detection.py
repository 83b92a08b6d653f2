"""Looks for objects in the frames of a run.

Of a recording every frame that is due by its own time is looked at, on the thread that writes: results do not
depend on the machine. Of cameras the newest frame is looked at on a thread of its own, at a bounded rate;
fusion never waits for it, and due frames that came while it was busy are counted.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from dataclasses import replace
from fractions import Fraction
from typing import Any, Self

from stream.config import DetectionSettings
from stream.detection.open import ObjectFinder
from stream.frame import Frame, FusedFrame
from stream.render.boxes import draw_boxes
from stream.runtime.clock import Clock
from stream.runtime.threads import new_thread
from stream.zeromq.objects import FoundObject, FoundObjects

# Seconds for which boxes are drawn on later frames, or until the next detection.
SHOWN_FOR_S = 0.6
# Of the rate that is told.
WINDOW_S = 5.0
_LOOK_S = 0.2

_log = logging.getLogger(__name__)


class Detection:
    """Takes every fused frame from one thread and gives the objects; counts may be read by any thread.

    Attributes:
        found: objects found so far, by class.
        detections: frames that were looked at.
        skipped: due frames that were not, because the detector was busy.
    """

    def __init__(
        self,
        settings: DetectionSettings,
        finder: ObjectFinder,
        clock: Clock,
        live: bool,
        stream: str = "main",
    ) -> None:
        """Nothing runs before the `with` block.

        Args:
            settings: rate and what is shown.
            finder: the detector; used by this alone.
            clock: for rates and durations.
            live: frames come from cameras.
            stream: id of the camera pair, for what is published.
        """
        self._settings, self._finder, self._clock = settings, finder, clock
        self._live, self._stream = live, stream
        self.found: Counter[str] = Counter()
        self.detections = self.skipped = 0
        self._interval_s = 1 / settings.rate
        self._due_s: float | None = None
        self._newest: tuple[FoundObjects, float] | None = None
        self._waiting: FusedFrame | None = None
        self._results: deque[FoundObjects] = deque()
        self._ends_s: deque[float] = deque(maxlen=1000)
        self._changed = threading.Condition()
        self._stopped, self._error = False, ""
        self._thread = new_thread(self._work, "detect")

    def look(self, frame: FusedFrame) -> list[FoundObjects]:
        """Take a frame; the results that came since the last one, of this frame at once for recordings."""
        now_s = self._clock.monotonic_s() if self._live else frame.time_s
        due = self._is_due(now_s)
        if not self._live:
            return [self._detect(frame)] if due else []
        with self._changed:
            if due and self._waiting is None:
                self._waiting = frame
                self._changed.notify_all()
            elif due:
                self.skipped += 1
            results = list(self._results)
            self._results.clear()
        return results

    def drawn(self, frame: FusedFrame) -> FusedFrame:
        """The frame with the boxes that were found last, while they are young."""
        newest = self._newest
        if not self._settings.draw or newest is None:
            return frame
        found, _ = newest
        young = 0 <= frame.time_s - found.time_s <= max(SHOWN_FOR_S, 1.5 * self._interval_s)
        if not (young and found.objects and found.size == frame.size):
            return frame
        return replace(frame, picture=draw_boxes(frame.pixels, found.objects))

    def as_json(self) -> dict[str, Any]:
        """Counts, the rate of the last seconds, and what does the work."""
        now_s = self._clock.monotonic_s()
        recent = [end_s for end_s in list(self._ends_s) if now_s - end_s <= WINDOW_S]
        took_s = recent[-1] - recent[0] if len(recent) > 1 else 0.0
        newest = self._newest
        return {
            "detector": self._finder.name,
            "sha256": self._finder.sha256,
            "detections": self.detections,
            "skipped": self.skipped,
            "found": dict(self.found),
            "rate": round((len(recent) - 1) / took_s, 2) if took_s else 0.0,
            "detect_ms": round(newest[1] * 1000, 1) if newest else None,
            "newest": len(newest[0].objects) if newest else 0,
            "error": self._error,
        }

    def __enter__(self) -> Self:
        """Start the thread, for cameras."""
        if self._live:
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop after the frame that is looked at."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._live:
            self._thread.join()

    def _is_due(self, now_s: float) -> bool:
        """True once an interval; restarts after a clock jump."""
        due_s = self._due_s
        if due_s is not None and due_s - self._interval_s <= now_s < due_s - 1e-6:
            return False
        on_time = due_s is not None and due_s - 1e-6 <= now_s < due_s + self._interval_s
        self._due_s = (due_s if on_time and due_s is not None else now_s) + self._interval_s
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._waiting is None and not self._stopped:
                    self._changed.wait(_LOOK_S)
                frame = self._waiting
                if self._stopped or frame is None:
                    return
            try:
                found = self._detect(frame)
            except Exception as error:  # a detector that fails must not end the cameras' run
                self._error = str(error) or type(error).__name__
                _log.exception("the detector %s failed; fusion goes on without it", self._finder.name)
                return
            with self._changed:
                self._waiting = None
                self._results.append(found)

    def _detect(self, frame: FusedFrame) -> FoundObjects:
        began_s = self._clock.monotonic_s()
        objects = tuple(
            FoundObject(each.name, round(each.score, 3), _rounded(each.box))
            for each in self._finder.find(frame.pixels)
        )
        ended_s = self._clock.monotonic_s()
        found = FoundObjects(
            stream=self._stream,
            seq=frame.index,
            time_s=frame.time_s,
            t_visible_ns=_time_ns(frame.pair.visible),
            t_thermal_ns=_time_ns(frame.pair.thermal),
            flags=tuple(sorted(frame.pair.flags)),
            size=frame.size,
            detector={"name": self._finder.name, "sha256": self._finder.sha256},
            detect_ms=round((ended_s - began_s) * 1000, 1),
            objects=objects,
        )
        self._newest = found, ended_s - began_s
        self._ends_s.append(ended_s)
        self.detections += 1
        self.found.update(each.name for each in objects)
        return found


def _rounded(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(side, 1) for side in box)
    return left, top, right, bottom


def _time_ns(frame: Frame | None) -> int | None:
    return None if frame is None else round(Fraction(frame.time_s) * 1_000_000_000)
