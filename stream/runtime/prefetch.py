"""A combinator that moves an upstream onto a thread of its own; one of the files that start threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Generic, Self, TypeVar

from stream.runtime.signals import waiting
from stream.runtime.threads import check_end, new_thread

# Seconds after which a waiting reader checks whether it has to end.
_LOOK_S = 0.2
# Longest that a source may take to end; two of them end well before a watchdog ends the process.
SOURCE_PATIENCE_S = 3.0

_current = threading.local()

Item = TypeVar("Item")
Upstream = TypeVar("Upstream", bound=Iterable[object])


class Prefetch(Generic[Item]):
    """Iterates an upstream on another thread, ahead of its reader by a bounded number of items.

    The upstream is opened, iterated and closed on that thread. Leaving the `with` block stops it after the
    item it is at, closes it and joins the thread. To be iterated by one thread, once. Where that is the
    thread of another prefetch, it stops waiting for items when it is to end itself.
    """

    def __init__(
        self,
        open_upstream: Callable[[], AbstractContextManager[Iterable[Item]]],
        size: int,
        name: str,
        patience_s: float | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f"a prefetch needs room for at least one item, got {size = }")
        self._open_upstream = open_upstream
        self._size, self._patience_s = size, patience_s
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._upstream: Iterable[Item] | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._stopped = False
        self._thread = new_thread(self._work, name)

    @property
    def upstream(self) -> Iterable[Item]:
        """The result of `open_upstream`; only what is safe to read from another thread may be touched."""
        if self._upstream is None:
            raise ValueError("a prefetch has no upstream before its `with` block")
        return self._upstream

    def __enter__(self) -> Self:
        """Start the thread and wait until the upstream is open; its error surfaces here."""
        self._thread.start()
        try:
            with self._changed, waiting():
                while not self._changed.wait_for(lambda: self._upstream is not None or self._ended, _LOOK_S):
                    check_end()
            if self._upstream is None and self._error is not None:
                raise self._error
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Stop, close and join."""
        self.stop()

    def __iter__(self) -> Iterator[Item]:
        """Items in order, then the upstream's exception if it ended with one."""
        reader: Prefetch[object] | None = getattr(_current, "prefetch", None)
        while True:
            with self._changed:
                while not self._changed.wait_for(lambda: self._items or self._ended, _LOOK_S):
                    if reader and reader._stopped:
                        raise _ReaderStopped
                    check_end()
                if not self._items:
                    break
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End early: waiting items are dropped, the upstream closes, the thread is joined.

        A thread that does not end within its patience waits for what may never come, as for somebody who
        writes into a named pipe; it is left behind and ends once that has come.
        """
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()
        self._thread.join(self._patience_s)

    def _work(self) -> None:
        _current.prefetch = self
        try:
            with self._open_upstream() as upstream:
                with self._changed:
                    self._upstream = upstream
                    self._changed.notify_all()
                self._pump(upstream)
        except BaseException as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _pump(self, upstream: Iterable[Item]) -> None:
        for item in upstream:
            with self._changed:
                self._changed.wait_for(lambda: len(self._items) < self._size or self._stopped)
                if self._stopped:
                    return
                self._items.append(item)
                self._changed.notify_all()


def prefetch(
    open_upstream: Callable[[], AbstractContextManager[Iterable[Item]]],
    size: int,
    name: str = "prefetch",
    patience_s: float | None = None,
) -> Prefetch[Item]:
    """Move an upstream onto a thread.

    Args:
        open_upstream: gives a context manager of items; called on the thread.
        size: how many items may wait.
        name: of the thread.
        patience_s: longest wait for the thread when it is to end; None: no limit. Only for an upstream that
            nothing is harmed by when it goes on for a while.

    Returns:
        A context manager to iterate over.
    """
    return Prefetch(open_upstream, size, name, patience_s)


class _ReaderStopped(BaseException):
    """Ends a thread whose items are no longer wanted; never reaches a caller."""
