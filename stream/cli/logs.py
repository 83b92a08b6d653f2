"""Logging to standard error during a run: sentences for people, or JSON for machines."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from stream.runtime.threads import PAIR
from stream.uri import mask_text

TEXT = "gifnet: %(message)s"
# Guesses are said without being asked: a wrong one is seen by nothing else.
ALWAYS_TOLD = ("stream.sources.pictures.together",)


# Messages that are remembered at most.
MOST_SAID = 1000


class Once(logging.Filter):
    """Passes each message of a source on once, even if the source is opened repeatedly."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a repeated message of a source."""
        if not record.name.startswith("stream.sources"):
            return True
        message = f"{PAIR.get()} {record.getMessage()}"
        if message in self._said:
            return False
        if len(self._said) >= MOST_SAID:
            self._said.clear()
        self._said.add(message)
        return True


class _MaskedTracebacks(logging.Formatter):
    """Masks tracebacks, which quote what a library was given; messages are masked where they are written."""

    def formatException(self, ei: Any) -> str:
        """Text of a traceback."""
        return mask_text(super().formatException(ei))


class Sentences(_MaskedTracebacks):
    """Messages for people; those of one of several pairs begin with its name."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line of a message."""
        if PAIR.get():
            record.message = f"{PAIR.get()}: {record.message}"
        return super().formatMessage(record)


class OfPair(logging.Filter):
    """Adds the name of the pair that a message is about, where the process has several."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True for all."""
        if PAIR.get():
            record.pair = PAIR.get()
        return True


class JsonLines(logging.StreamHandler[TextIO]):
    """One object a line: `time` (UTC), `level`, `logger`, `message`, and what a message brings with it."""

    def __init__(self) -> None:
        from pythonjsonlogger.json import JsonFormatter

        super().__init__(sys.stderr)

        class Masked(_MaskedTracebacks, JsonFormatter):
            """JSON whose tracebacks are masked."""

        names = {"levelname": "level", "name": "logger"}
        form = "{levelname}{name}{message}"
        self.setFormatter(Masked(form, style="{", rename_fields=names, timestamp="time"))


def set_up_logs(kind: str = "text", verbose: bool = False, quiet: bool = False) -> None:
    """Begin to log, unless that has begun.

    Args:
        kind: `text` or `json`.
        verbose: also what is chosen and done.
        quiet: not even what is always told otherwise.
    """
    level = logging.INFO if verbose else logging.WARNING
    handler: logging.Handler
    if kind == "json":
        handler = JsonLines()
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(Sentences(TEXT))
    handler.addFilter(OfPair())
    handler.addFilter(Once())
    logging.basicConfig(handlers=[handler], level=level)
    if not quiet:
        for name in ALWAYS_TOLD:
            logging.getLogger(name).setLevel(logging.INFO)


def are_json() -> bool:
    """True when messages are JSON, so that the last one is, too."""
    return any(isinstance(handler, JsonLines) for handler in logging.getLogger().handlers)
