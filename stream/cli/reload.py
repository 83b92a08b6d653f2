"""SIGHUP: read the configuration file again while cameras are being fused."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stream.config import PairingSettings
from stream.errors import GifnetError
from stream.report import RunReport

_log = logging.getLogger(__name__)


@contextmanager
def reloading(load: Callable[[], PairingSettings] | None, report: RunReport) -> Iterator[None]:
    """While the block runs, SIGHUP loads pairing settings anew and goes by them; wrong ones change nothing.

    Args:
        load: reads and checks them; None where there is no file to read.
        report: of the run, which knows its cameras.
    """
    if load is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    again = load

    def handle(number: int, frame: Any) -> None:
        try:
            _change(again(), report)
        except GifnetError as error:
            _log.warning("the settings stay as they are: %s", error)

    before = signal.signal(signal.SIGHUP, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _change(pairing: PairingSettings, report: RunReport) -> None:
    if report.live is None:
        _log.warning("recordings are paired by the settings that they began with")
        return
    report.live.change(pairing)
    _log.warning(
        "pairing now goes by tolerance %g ms, offset %s ms, unpaired %s",
        pairing.tolerance_ms,
        pairing.offset_ms,
        pairing.unpaired,
    )
