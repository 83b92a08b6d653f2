"""Keeps some of a disk free: writing pauses when there is too little, and goes on when there is room."""

from __future__ import annotations

import logging
import shutil
from fractions import Fraction
from pathlib import Path

# Between two looks at the disk, by the frames' own times.
LOOK_S = Fraction(1)
# Room has to come back by this share more than was wanted, so that writing does not stutter.
RESUME_SHARE = 1.1

_log = logging.getLogger(__name__)


class DiskGuard:
    """Looks at the disk once a second.

    Attributes:
        paused: True while nothing is to be written.
    """

    def __init__(self, what: Path, keep_free_mb: float | None) -> None:
        """Nothing is looked at yet.

        Args:
            what: file or folder that is written, for messages and to find the disk.
            keep_free_mb: megabytes to keep free; None never pauses by itself.
        """
        self.paused = False
        self._what, self._wanted_mb = what, keep_free_mb
        self._looked_s: Fraction | None = None

    def has_room(self, time_s: Fraction) -> bool:
        """True when a frame of a time may be written."""
        fresh = self._looked_s is not None and abs(time_s - self._looked_s) < LOOK_S
        if self._wanted_mb is None or fresh:
            return not self.paused
        self._looked_s = time_s
        folder = self._what if self._what.is_dir() else self._what.absolute().parent
        free_mb = shutil.disk_usage(folder).free / 1e6
        if self.paused and free_mb >= self._wanted_mb * RESUME_SHARE:
            self.paused = False
            _log.warning("%s: there is room again, writing goes on", self._what)
        elif not self.paused and free_mb < self._wanted_mb:
            self.pause(f"only {free_mb:.0f} MB are free, {self._wanted_mb:g} MB are to be kept")
        return not self.paused

    def pause(self, why: str) -> None:
        """Stop writing until there is room."""
        self.paused = True
        _log.warning("%s: %s; writing pauses until there is room", self._what, why)
