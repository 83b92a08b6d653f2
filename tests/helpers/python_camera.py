"""Live cameras that are iterables of the test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stream.sources.arrays import GivenFrames, give


def python_uri(frames: Iterable[Any]) -> str:
    """URI of a live camera that gives the items of an iterable and ends with it."""
    return f"python://{give(GivenFrames(lambda: frames))}"
