"""Messages to systemd (sd_notify(3)): ready, state in a line, alive; none where it asked for none."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self, TypeVar

Item = TypeVar("Item")

STATUS_EVERY_S = 5.0


class SystemdNotifier:
    """Notifies systemd: ready, status line, and watchdog.

    It hangs where one item is worked on for longer than the watchdog's time; waiting for the next item, of a
    camera that is away for example, is no fault.
    """

    def __init__(self, status: Callable[[], str], environment: Mapping[str, str] = os.environ) -> None:
        """Read the addresses that systemd gave.

        Args:
            status: one line on what is being done, asked from another thread.
            environment: holds `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
        """
        self._status = status
        # Of each run of the process that works on an item, since when.
        self._busy_since: dict[object, float] = {}
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for Linux's abstract names.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watchdog = environment.get("WATCHDOG_USEC", "")
        self._limit_s = int(watchdog) / 1e6 if watchdog.isdigit() and int(watchdog) else None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="systemd", daemon=True)

    def watch(self, items: Iterable[Item], one_of_many: bool = False) -> Iterator[Item]:
        """Pass items on; systemd hears that the run is ready before the first.

        Args:
            items: they may be those of one of several runs at once.
            one_of_many: the process goes on when this run has ended, so that its last item is forgotten then.
        """
        self._send("READY=1")
        run = object()
        try:
            for item in items:
                self._busy_since[run] = time.monotonic()
                yield item
                self._busy_since.pop(run, None)
        finally:
            if one_of_many:
                self._busy_since.pop(run, None)

    def __enter__(self) -> Self:
        """Begin to tell."""
        if self._address:
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End; systemd hears that the run is closing its outputs."""
        self._send("STOPPING=1")
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _tell(self) -> None:
        every_s = min(STATUS_EVERY_S, self._limit_s / 3) if self._limit_s else STATUS_EVERY_S
        while not self._ended.wait(every_s):
            busy_since = min(list(self._busy_since.values()), default=None)
            hangs = self._limit_s and busy_since and time.monotonic() - busy_since > self._limit_s
            self._send(f"STATUS={self._status()}" + ("" if hangs or not self._limit_s else "\nWATCHDOG=1"))

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.connect(self._address)
                notify.send(message.encode())
        except OSError:
            return  # a run does not end because nobody hears of it
