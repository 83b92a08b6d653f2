"""Ends a process that was asked to end and does not, because a library waits for what never comes."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

# Seconds in which outputs must be finished; service managers often kill ten seconds after the signal.
LIMIT_S = 8.0
_SIGNAL_STATUS = 128
_CLOSE = b"\0"


class Watchdog:
    """Hears of signals even while the main thread waits inside a library, and bounds what follows.

    SIGTERM once, or SIGINT twice, leaves the process `LIMIT_S` to end by itself. One of the files that start
    threads. To be opened by the main thread.
    """

    def __init__(self) -> None:
        self._interrupts = 0
        self._hears, self._tells = socket.socketpair()
        self._tells.setblocking(False)
        self._before = signal.set_wakeup_fd(self._tells.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no longer."""
        signal.set_wakeup_fd(self._before)
        self._tells.setblocking(True)
        self._tells.send(_CLOSE)
        self._thread.join()
        self._hears.close()
        self._tells.close()

    def _watch(self) -> None:
        heard, end_s = 0, float("inf")
        while time.monotonic() < end_s:
            wait_s = None if end_s == float("inf") else max(0.0, end_s - time.monotonic())
            if not select.select([self._hears], [], [], wait_s)[0]:
                break
            for number in self._hears.recv(64):
                if number == 0:
                    return
                heard = number if number in (signal.SIGINT, signal.SIGTERM) else heard
                # The first Ctrl-C lets everything take as long as it takes.
                if number == signal.SIGTERM or (number == signal.SIGINT and self._again()):
                    end_s = min(end_s, time.monotonic() + LIMIT_S)
        self._give_up(heard)

    def _again(self) -> bool:
        self._interrupts += 1
        return self._interrupts > 1

    def _give_up(self, number: int) -> None:
        name = signal.Signals(number).name
        sentence = (
            f"gifnet: stopped by {name}; an input or output did not end within {LIMIT_S:g} s and was left as "
            "it was\n"
        )
        with suppress(OSError, ValueError, AttributeError):  # there may be no standard error at all
            os.write(sys.stderr.fileno(), sentence.encode())
        os._exit(_SIGNAL_STATUS + number)
