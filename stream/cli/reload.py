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
from stream.config.live_settings import AdjustableSettings
from stream.errors import GifnetError
from stream.runtime.threads import new_thread

Requests = SimpleQueue[bool]

_log = logging.getLogger(__name__)


@contextmanager
def hangups(*more: Requests) -> Iterator[Requests]:
    """While the block runs, SIGHUP is queued as a request and does nothing else.

    The handler runs between any two instructions of the main thread, which may hold the very lock that a
    change needs. Outside the main thread, where Python delivers no signals, nothing is installed.

    Args:
        more: further queues, which get every request too.
    """
    # SimpleQueue.put may be called by a signal handler that interrupts another put.
    requests: Requests = SimpleQueue()
    if threading.current_thread() is not threading.main_thread():
        yield requests
        return

    def handle(number: int, frame: FrameType | None) -> None:
        for each in (requests, *more):
            each.put(True)

    before = signal.signal(signal.SIGHUP, handle)
    try:
        yield requests
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def reloading(
    requests: Requests, load: Callable[[], FuseSettings] | None, controls: AdjustableSettings
) -> Iterator[None]:
    """While the block runs, each request reloads the settings and applies those that can change.

    A thread serves the requests, also while no frame can be paired. Wrong settings change nothing.

    Args:
        requests: of `hangups`; those from before the block are served too.
        load: reads and checks the settings; None where there is no file, so that requests change nothing.
        controls: takes the settings over.
    """

    def serve() -> None:
        while requests.get():
            _reload(load, controls)

    thread = new_thread(serve, "reload")
    thread.start()
    try:
        yield
    finally:
        requests.put(False)
        thread.join()


def _reload(load: Callable[[], FuseSettings] | None, controls: AdjustableSettings) -> None:
    if load is None:
        _log.warning("SIGHUP: there is no configuration file to read again; the settings stay as they are")
        return
    try:
        controls.change_to(load(), "SIGHUP")
    except GifnetError as error:
        _log.warning("the settings stay as they are: %s", error)
    except Exception:  # a mistake of ours ends neither the run nor later requests
        _log.exception("the settings stay as they are")
