"""Checks a page for people who hear it or use the keyboard alone, by axe-core of the test requirements."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import pytest


@cache
def _script() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="axe-core checks pages on Linux only")
    return resources.files(package).joinpath("axe.min.js").read_text()


def violations(page: Any) -> list[str]:
    """Faults that axe-core finds in a page as it is now: rule, and the places that break it."""
    page.evaluate(_script())
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((result) => result.violations)")
    return [
        f"{each['id']}: {each['help']}: {'; '.join(node['html'][:120] for node in each['nodes'][:3])}"
        for each in found
    ]
