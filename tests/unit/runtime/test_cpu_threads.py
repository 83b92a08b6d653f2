"""Threads of torch and OpenCV during a run."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

import stream
from stream.runtime import cpu_threads
from stream.runtime.cpu_threads import PASSIVE, OneThreadEach, all_cores, cores

SHOW = (
    "import os, sys; {first}; assert 'torch' in sys.modules; "
    "print(*(os.environ.get(name) for name in ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'KMP_BLOCKTIME')))"
)


def said(first: str, **environment: str) -> str:
    """Environment of a fresh process once torch is loaded by way of this package."""
    clean = {name: value for name, value in os.environ.items() if name not in PASSIVE} | environment
    words = [sys.executable, "-c", SHOW.format(first=first)]
    return subprocess.run(words, env=clean, capture_output=True, text=True, check=True).stdout.strip()


def test_threads_sleep_while_they_wait_in_python_and_on_the_command_line() -> None:
    assert said("import stream; stream.fuse") == "PASSIVE 0 0"
    line = "from stream.cli import main\ntry: main(['export', '--help'])\nexcept SystemExit: import torch"
    assert said(f"exec({line!r})").splitlines()[-1] == "PASSIVE 0 0"


def test_what_the_environment_says_is_left_alone() -> None:
    assert said("import stream; stream.fuse", OMP_WAIT_POLICY="ACTIVE", KMP_BLOCKTIME="5") == "ACTIVE 0 5"


def test_one_thread_each_but_for_networks_and_as_before_afterwards() -> None:
    torch.set_num_threads(3)
    cv2.setNumThreads(2)
    try:
        with OneThreadEach() as one:
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
            with all_cores():
                assert torch.get_num_threads() == cores()
            assert torch.get_num_threads() == 1
            with one.paused():
                assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 2)
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 2)
    finally:
        torch.set_num_threads(1)
        cv2.setNumThreads(1)


@pytest.mark.parametrize(
    ("asked", "expected"), [(None, 4), ("1", 1), ("3,2", 3), ("9", 4), ("0", 4), ("rubbish", 4)]
)
def test_cores_are_those_of_the_process_and_of_openmp(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, expected: int
) -> None:
    monkeypatch.setattr(cpu_threads.os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert cores() == expected


def test_who_takes_frames_in_python_keeps_his_threads() -> None:
    torch.set_num_threads(3)
    try:
        pictures = [np.full((48, 64, 3), level, np.uint8) for level in (10, 20)]
        for _ in stream.fuse(pictures, [picture[..., 0] for picture in pictures], model="null"):
            assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(1)
