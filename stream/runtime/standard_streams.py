"""Standard streams that never stop a run: what cannot be told is left out."""

from __future__ import annotations

import io
import os
import select
import sys
import threading

STANDARD_ERROR = 2
# Milliseconds that a reader of messages may take before they are left out.
PATIENCE_MS = 1000
# A pipe that is ready takes as much without holding the writer up (PIPE_BUF).
_CHUNK = 4096


class LossyText(io.TextIOBase):
    """Text to a descriptor; a message is left out if it is not read in time.

    So it is when its reader is gone, has stopped reading, or when the disk of a log is full. What writes goes
    on without an error, and later messages are tried again.
    """

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        """Write to a descriptor, which stays open."""
        self._descriptor, self._pending = descriptor, ""
        self._lock = threading.RLock()
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._patience_ms = PATIENCE_MS

    def write(self, text: str) -> int:
        """Send whole lines at once; what follows the last of them waits for its end, or for `flush`."""
        with self._lock:
            lines, newline, rest = (self._pending + text).rpartition("\n")
            self._pending = rest
            if newline:
                self._send(lines + newline)
        return len(text)

    def flush(self) -> None:
        """Send what waits."""
        with self._lock:
            text, self._pending = self._pending, ""
            self._send(text)

    def writable(self) -> bool:
        """True: it is for writing only."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """True when a person sees the text at a terminal."""
        return os.isatty(self._descriptor)

    def _send(self, text: str) -> None:
        data = text.encode(self.encoding, "backslashreplace")
        try:
            while data and self._is_ready():
                data = data[os.write(self._descriptor, data[:_CHUNK]) :]
        except OSError:
            return

    def _is_ready(self) -> bool:
        ready = bool(self._poll.poll(self._patience_ms))
        # A reader that once did not read in time is not waited for again until it reads.
        self._patience_ms = PATIENCE_MS if ready else 0
        return ready


def secure_standard_streams() -> None:
    """Make telling safe in this process.

    Where a standard stream is closed, the null device takes its place: otherwise the next file that is opened
    would get its number, and messages of libraries would go into that file.
    """
    for descriptor in (0, 1, STANDARD_ERROR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    sys.stderr = LossyText(STANDARD_ERROR)
