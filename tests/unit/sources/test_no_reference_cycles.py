"""Nothing that holds pictures waits for the collector of circles: a run of weeks would pile them up."""

from __future__ import annotations

import gc
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from stream.config import InputSettings
from stream.runtime.clock import SystemClock
from stream.sources import open_source
from stream.sources.live import open_live
from tests.helpers.media import write_video
from tests.helpers.rtsp_process import RtspProcess

# Names of types that hold pictures or a connection.
HEAVY = (
    "VideoFrame",
    "Frame",
    "InputContainer",
    "VideoStream",
    "VideoCodecContext",
    "LibavSource",
    "ndarray",
)


@contextmanager
def circles() -> Iterator[Counter[str]]:
    """Counts what only the collector can free of what the block leaves behind, by type."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found.update(type(thing).__name__ for thing in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def heavy(found: Counter[str]) -> int:
    return sum(found[name] for name in HEAVY)


def twice(work: Callable[[], None]) -> int:
    """Heavy things left by the second of two times, so that what is kept once for all does not count."""
    work()
    with circles() as found:
        work()
    return heavy(found)


def test_a_connection_that_is_left_half_way() -> None:
    with RtspProcess(size="160x120", rate=50) as server:

        def connect() -> None:
            settings = InputSettings(uri=server.url)
            with open_live(settings, "visible", SystemClock(), lambda seconds: False) as source:
                assert len(list(itertools.islice(source, 8))) == 8

        # The first frame of a connection is looked at for its orientation, and PyAV makes a circle of that.
        assert twice(connect) <= 1


@pytest.mark.parametrize("count", [5, 40])
def test_a_file(tmp_path: Path, count: int) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, [np.full((48, 64, 3), index, np.uint8) for index in range(count)])

    def read() -> None:
        with open_source(InputSettings(uri=str(path)), "visible") as source:
            assert len(list(source)) == count

    assert twice(read) <= 2
