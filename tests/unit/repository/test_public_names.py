"""The public names of the packages are those that docs/api.md shows."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

API = Path(__file__).parents[3] / "docs" / "api.md"


def documented(module: str) -> set[str]:
    """Names in the first column of a module's table."""
    text = API.read_text(encoding="utf-8")
    section = text.split(f"## `{module}`\n", 1)[1].split("\n## ", 1)[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)", cell)}


@pytest.mark.parametrize("module", ["stream", "stream.client", "gifnet"])
def test_documented_names_are_the_public_ones(module: str) -> None:
    assert documented(module) == set(importlib.import_module(module).__all__)


@pytest.mark.parametrize("module", ["stream", "stream.client", "gifnet"])
def test_public_names_exist(module: str) -> None:
    package = importlib.import_module(module)
    assert all(getattr(package, name) is not None for name in package.__all__)
