"""Facts about this machine that programs and drivers tell."""

from __future__ import annotations

from pathlib import Path

DRIVER_FILE = "/proc/driver/nvidia/version"
"""File in which the NVIDIA driver tells its version."""


def text_of(path: str) -> str:
    """Text of a file of the system, empty where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def driver_version(text: str) -> str | None:
    """Version of the NVIDIA driver, from the text of /proc/driver/nvidia/version."""
    words = text.split("\n")[0].split()
    return next((word for word in words if word[:1].isdigit() and "." in word), None)
