"""Logging to standard error during a run: sentences for people, or JSON for machines."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

TEXT = "gifnet: %(message)s"
# What is guessed is said without being asked: a wrong guess is seen by nothing else.
ALWAYS_TOLD = ("stream.sources.pictures.together",)


class JsonLines(logging.StreamHandler[TextIO]):
    """One object a line: `time` (UTC), `level`, `logger`, `message`, and what a message brings with it."""

    def __init__(self) -> None:
        from pythonjsonlogger.json import JsonFormatter

        super().__init__(sys.stderr)
        names = {"levelname": "level", "name": "logger"}
        form = "{levelname}{name}{message}"
        self.setFormatter(JsonFormatter(form, style="{", rename_fields=names, timestamp="time"))


def set_up_logs(kind: str = "text", verbose: bool = False, quiet: bool = False) -> None:
    """Begin to log, unless that has begun.

    Args:
        kind: `text` or `json`.
        verbose: also what is chosen and done.
        quiet: not even what is always told otherwise.
    """
    level = logging.INFO if verbose else logging.WARNING
    if kind == "json":
        logging.basicConfig(handlers=[JsonLines()], level=level)
    else:
        logging.basicConfig(format=TEXT, level=level)
    if not quiet:
        for name in ALWAYS_TOLD:
            logging.getLogger(name).setLevel(logging.INFO)


def are_json() -> bool:
    """True when messages are JSON, so that the last one is, too."""
    return any(isinstance(handler, JsonLines) for handler in logging.getLogger().handlers)
