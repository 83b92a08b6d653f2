"""A sign of the code that is installed, which is another one after every upgrade."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("stream", "gifnet", "cuda_kernels")


def code_sign() -> str:
    """Version, and number and newest time of change of the modules on the disk."""
    root = Path(__file__).parents[4]
    newest_ns, count = 0, 0
    for package in _PACKAGES:
        for folder, _, names in os.walk(root / package):
            for name in names:
                if name.endswith(".py"):
                    count += 1
                    newest_ns = max(newest_ns, os.stat(os.path.join(folder, name)).st_mtime_ns)
    return f"{version('gifnet-stream')} {count} {newest_ns}"
