from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from stream.runtime.prefetch import prefetch


class Upstream:
    """Counts up to `count`, then raises `error`; remembers the threads that touched it."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.count, self.error = count, error
        self.threads: set[str] = set()
        self.given = 0
        self.closed = False

    def _touch(self) -> None:
        self.threads.add(threading.current_thread().name)

    @contextmanager
    def open(self) -> Iterator[Upstream]:
        self._touch()
        try:
            yield self
        finally:
            self._touch()
            self.closed = True

    def __iter__(self) -> Iterator[int]:
        for number in range(self.count):
            self._touch()
            self.given += 1
            yield number
        if self.error:
            raise self.error


def test_items_come_in_order_from_one_other_thread() -> None:
    upstream = Upstream(100)
    with prefetch(upstream.open, 3, name="reader") as items:
        assert items.upstream is upstream
        assert list(items) == list(range(100))
    assert upstream.threads == {"reader"}
    assert upstream.closed


def test_no_more_than_size_items_wait() -> None:
    upstream = Upstream(100)
    with prefetch(upstream.open, 2) as items:
        for taken, _ in enumerate(items, start=1):
            assert upstream.given <= taken + 3  # two wait, one is in the hand of the thread
    assert upstream.given == 100


def test_an_error_comes_after_the_items_before_it() -> None:
    seen = []
    with (
        pytest.raises(ValueError, match="broken"),
        prefetch(Upstream(3, ValueError("broken")).open, 8) as items,
    ):
        for item in items:
            seen.append(item)
    assert seen == [0, 1, 2]


def test_an_error_of_opening_comes_at_once() -> None:
    @contextmanager
    def fail() -> Iterator[list[int]]:
        raise OSError("no camera")
        yield []

    with pytest.raises(OSError, match="no camera"), prefetch(fail, 1):
        pytest.fail("the block must not be entered")


def test_an_error_of_closing_is_not_lost() -> None:
    @contextmanager
    def fail() -> Iterator[list[int]]:
        yield [1]
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), prefetch(fail, 1) as items:
        assert list(items) == [1]


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_stopping_early_closes_and_joins(taken: int) -> None:
    upstream = Upstream(1000)
    with prefetch(upstream.open, 2) as items:
        for _, _ in zip(range(taken), items, strict=False):
            pass
    assert upstream.closed
    assert upstream.given < 20


def test_an_error_of_the_reader_goes_through() -> None:
    upstream = Upstream(1000)
    with pytest.raises(KeyError), prefetch(upstream.open, 2) as items:
        next(iter(items))
        raise KeyError
    assert upstream.closed


def test_nested() -> None:
    inner = Upstream(50)

    @contextmanager
    def doubled() -> Iterator[Iterator[int]]:
        with prefetch(inner.open, 2, name="inner") as items:
            yield (2 * item for item in items)

    with prefetch(doubled, 2, name="outer") as items:
        assert list(items) == list(range(0, 100, 2))
    assert inner.threads == {"inner"}


def test_room_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="size = 0"):
        prefetch(Upstream(1).open, 0)


def test_a_thread_that_waits_for_what_never_comes_is_left_behind() -> None:
    come = threading.Event()

    def never() -> Iterator[int]:
        yield 1
        come.wait()

    with prefetch(lambda: nullcontext(never()), 1, name="stuck", patience_s=0.05) as items:
        assert next(iter(items)) == 1
    (stuck,) = [thread for thread in threading.enumerate() if thread.name == "stuck"]
    come.set()
    stuck.join()


def test_a_reader_on_a_thread_stops_waiting_when_it_is_to_end() -> None:
    """So that what is behind it closes, although what is before it is stuck."""
    come, closed = threading.Event(), []

    def never() -> Iterator[int]:
        yield 1
        come.wait()

    @contextmanager
    def behind(items: Iterable[int]) -> Iterator[Iterable[int]]:
        yield (item for item in items)
        closed.append(True)

    with prefetch(lambda: nullcontext(never()), 1, patience_s=0.05) as items:
        with prefetch(lambda: behind(items), 1) as later:
            assert next(iter(later)) == 1
        assert closed == []  # the thread was ended where it waited, and joined
        assert [thread.name for thread in threading.enumerate()].count("prefetch") == 1
    come.set()
