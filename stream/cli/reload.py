"""SIGHUP: read the configuration file again while a run goes on."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stream.config import FuseSettings
from stream.errors import GifnetError
from stream.monitoring.report import RunReport

_log = logging.getLogger(__name__)


@contextmanager
def reloading(load: Callable[[], FuseSettings] | None, report: RunReport) -> Iterator[None]:
    """While the block runs, SIGHUP loads the settings anew and goes by those that can change.

    Wrong ones change nothing.

    Args:
        load: reads and checks them; None where there is no file to read.
        report: of the run, which knows its controls.
    """
    if load is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    again = load

    def handle(number: int, frame: Any) -> None:
        try:
            if report.controls:
                report.controls.change_to(again(), "SIGHUP")
        except GifnetError as error:
            _log.warning("the settings stay as they are: %s", error)

    before = signal.signal(signal.SIGHUP, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
