"""One process after another that publishes under a name: the next is ready before the last one ends.

Whoever publishes holds a lock on a file, which says its process and, once it has ended, the time of its last
frame. The next one asks it to end when it has a frame itself, and goes on with the first that is newer.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from stream.config import RunSettings
from stream.errors import ConfigError
from stream.frame import FusedFrame
from stream.live.session import is_live_pair
from stream.runtime.own_folder import runtime_folder
from stream.runtime.signals import waiting
from stream.sinks import sink_settings
from stream.sinks.video.timeline import DATES_FROM_S
from stream.uri import mask

# The last one finishes its outputs within eight seconds, or its watchdog ends it.
LONGEST_END_S = 20.0
# A camera's clock that was set back is another time, not the same frames again.
SAME_S = 5
_LOOK_EVERY_S = 0.01

_log = logging.getLogger(__name__)


def check_takeover(settings: RunSettings) -> None:
    """Refuse a takeover that would lose written output, or whose inputs are not cameras.

    Raises:
        ConfigError: says which.
    """
    if settings.takeover is None:
        return
    if not is_live_pair(settings):
        raise ConfigError("takeover is for live cameras; a recording is fused from its beginning")
    for output in settings.outputs:
        rotates = output.segment_s is not None or output.segment_mb is not None
        if sink_settings(output, settings.outputs).places() and not rotates:
            raise ConfigError(
                f"takeover would overwrite {mask(output.uri)}, which the last process wrote; add "
                "--segment-s, so that each file has a name of its own, or take outputs over the network"
            )


@contextmanager
def take_over(name: str, frames: Iterator[FusedFrame]) -> Iterator[Iterator[FusedFrame]]:
    """The same frames, from the moment on when this process alone publishes under the name.

    Waits for the first frame, then asks the process before to end and waits for that. Frames that it may have
    published are left out.

    Args:
        name: of what is published, the same for both processes.
        frames: of live cameras.

    Raises:
        ConfigError: the process before does not end.
    """
    first = next(frames, None)
    turn = _Turn(runtime_folder() / f"{name}.lock", name)
    try:
        turn.take()
        yield turn.newer(first, frames)
    finally:
        turn.give_up()


class _Turn:
    """The lock on a name, with the time of the last frame in its file."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._holds = False
        self._last_s: Fraction | None = None

    def take(self) -> None:
        """Get the lock; ask its holder to end."""
        asked: set[int] = set()
        end_s = time.monotonic() + LONGEST_END_S
        with waiting():
            while not self._try():
                holder = self._read().get("process")
                if holder and holder not in asked:
                    asked.add(holder)
                    _log.warning("taking over %s from process %d", self._name, holder)
                    with suppress(ProcessLookupError):
                        os.kill(holder, signal.SIGTERM)
                if time.monotonic() > end_s:
                    raise ConfigError(
                        f"process {holder} still publishes as {self._name}, and did not end within "
                        f"{LONGEST_END_S:g} s; end it, or take another name"
                    )
                time.sleep(_LOOK_EVERY_S)
        last_s = self._read().get("last_s")
        self._last_s = None if last_s is None else Fraction(last_s)
        self._write(process=os.getpid())

    def newer(self, first: FusedFrame | None, frames: Iterator[FusedFrame]) -> Iterator[FusedFrame]:
        """Frames after those of the process before; the time of each is noted."""
        before_s = self._last_s
        if first is not None and not _is_old(first.time, before_s):
            self._last_s = first.time
            yield first
        for frame in frames:
            if _is_old(frame.time, before_s):
                continue
            before_s = None
            self._last_s = frame.time
            yield frame

    def give_up(self) -> None:
        """Leave the time of the last frame to the next process, and the lock."""
        file, self._file = self._file, None
        if file is None:
            return
        if self._holds:
            self._file = file
            self._write(last_s=None if self._last_s is None else str(self._last_s))
            self._file = None
        os.close(file)

    def _try(self) -> bool:
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._holds = True
        return True

    def _read(self) -> dict[str, Any]:
        assert self._file is not None
        try:
            values = json.loads(os.pread(self._file, 4096, 0) or b"{}")
        except ValueError:  # its holder is just writing
            return {}
        return values if isinstance(values, dict) else {}

    def _write(self, **values: Any) -> None:
        assert self._file is not None
        data = json.dumps(values).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, data, 0)


def _is_old(time_s: Fraction, before_s: Fraction | None) -> bool:
    """True for a frame that the process before may have published; only dates say so."""
    if before_s is None or min(time_s, before_s) < DATES_FROM_S:
        return False
    return 0 <= before_s - time_s <= SAME_S
