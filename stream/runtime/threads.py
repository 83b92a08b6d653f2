"""Threads that know of which pair they are, and runs on threads that can be asked to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context

PAIR: ContextVar[str] = ContextVar("pair", default="")
"""Name of the pair that the code works for, where a process has several; empty otherwise."""

_current = threading.local()


def new_thread(work: Callable[[], object], name: str) -> threading.Thread:
    """A daemon thread, not yet started, that knows its creator's pair."""
    context = copy_context()
    return threading.Thread(target=lambda: context.run(work), name=name, daemon=True)


@contextmanager
def ending_by(check: Callable[[], None]) -> Iterator[None]:
    """A block on this thread in which `check` is called wherever the thread waits; it raises to end it."""
    _current.check = check
    try:
        yield
    finally:
        _current.check = None


def check_end() -> None:
    """Raise if this thread was asked to end."""
    check = getattr(_current, "check", None)
    if check is not None:
        check()
