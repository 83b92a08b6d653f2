"""Memory of the C library: few pools of it, and none given back and taken again picture by picture."""

from __future__ import annotations

import ctypes
import os

# Parameters of glibc's `mallopt` (its malloc.h), with the variables of the environment that set them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
KEPT = {
    _ARENA_MAX: ("MALLOC_ARENA_MAX", 2),
    _MMAP_THRESHOLD: ("MALLOC_MMAP_THRESHOLD_", 32 << 20),  # the largest that is allowed
    _TRIM_THRESHOLD: ("MALLOC_TRIM_THRESHOLD_", 512 << 20),
}


def keep_heap() -> None:
    """Let freed memory be taken again without the kernel; to be called before threads begin.

    The maps of a picture are a megabyte or so each. Given back and taken again they cost thousands of page
    faults a second. What the environment says already is left as it is; without glibc nothing happens.
    """
    set_parameter = getattr(_library(), "mallopt", None)
    if set_parameter is None:
        return
    for parameter, (variable, value) in KEPT.items():
        if variable not in os.environ:
            set_parameter(parameter, value)


def _library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows
        return None
