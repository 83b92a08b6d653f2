"""SIGHUP: read the configuration file again while a run goes on."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from stream.config import FuseSettings
from stream.errors import GifnetError
from stream.monitoring.report import RunReport

_log = logging.getLogger(__name__)


@contextmanager
def reloading(load: Callable[[], FuseSettings] | None, report: RunReport) -> Iterator[None]:
    """While the block runs, SIGHUP reloads the settings and applies those that can change.

    The handler only queues a request: it runs between any two instructions of the main thread, which may hold
    the very lock that a change needs. A thread serves the requests, also while no frame can be paired. Wrong
    settings change nothing. Outside the main thread, where Python delivers no signals, nothing is installed.

    Args:
        load: reads and checks the settings; None where there is no file, so that SIGHUP changes nothing.
        report: of the run, which knows its adjustable settings.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # SimpleQueue.put may be called by a signal handler that interrupts another put.
    requests: SimpleQueue[bool] = SimpleQueue()

    def handle(number: int, frame: FrameType | None) -> None:
        requests.put(True)

    def serve() -> None:
        while requests.get():
            _reload(load, report)

    thread = threading.Thread(target=serve, name="reload", daemon=True)
    thread.start()
    before = signal.signal(signal.SIGHUP, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
        requests.put(False)
        thread.join()


def _reload(load: Callable[[], FuseSettings] | None, report: RunReport) -> None:
    if load is None:
        _log.warning("SIGHUP: there is no configuration file to read again; the settings stay as they are")
        return
    try:
        if report.controls:
            report.controls.change_to(load(), "SIGHUP")
    except GifnetError as error:
        _log.warning("the settings stay as they are: %s", error)
