"""Fixtures for every tier: reference data, leftovers, random state."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.leftovers import end_processes, leftovers, resources, tick

# A shell that starts the tests in the background may ignore SIGINT; commands that tests start inherit that.
_in_main_thread = threading.current_thread() is threading.main_thread()
if _in_main_thread and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def refdata() -> Path:
    """Folder of the reference data; skips without it, fails where REQUIRE_REFDATA=1."""
    folder = Path(os.environ.get("GIFNET_TEST_DATA", Path(__file__).parents[2] / "shared"))
    if not (folder / "parity").is_dir():
        message = f"no reference data in {folder}; set GIFNET_TEST_DATA"
        if os.environ.get("REQUIRE_REFDATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def cuda() -> str:
    """The device name `cuda`; skips without one, fails where REQUIRE_GPU=1."""
    import torch

    if not torch.cuda.is_available():
        if os.environ.get("REQUIRE_GPU") == "1":
            pytest.fail("REQUIRE_GPU=1 but no CUDA device is there")
        pytest.skip("no CUDA device")
    return "cuda"


@pytest.fixture(autouse=True)
def nothing_left_over() -> Iterator[None]:
    """Every test ends with the threads, sockets and child processes that it began with."""
    before, began = resources(), tick()
    yield
    left = leftovers(before, began)
    end_processes(left)
    assert not left, f"left over: {left}"
