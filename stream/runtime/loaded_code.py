"""Code of libraries that is only read while they load: it does not stay in the resident memory."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

_SMAPS = Path("/proc/self/smaps")
_DONT_NEED = 4  # MADV_DONTNEED of Linux
# The first line on a mapping of a file that nobody may write through: begin, end.
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +/")
_HEADER = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")


def release_loaded_code() -> None:
    """Take code and constants of loaded libraries out of the resident memory of this process.

    About 70 MB of torch and others are read once, to relocate and register what they hold. What is needed
    again comes back page by page from the kernel's cache of the files. Only Linux tells enough for that;
    elsewhere nothing happens.
    """
    try:
        told = _SMAPS.read_text(encoding="utf-8", errors="replace")
        advise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError, TypeError):
        return
    for begin, end in unchanged_mappings(told):
        advise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _DONT_NEED)


def unchanged_mappings(smaps: str) -> list[tuple[int, int]]:
    """Begin and end of each mapping of a file that nobody can write through and that is as in the file.

    Args:
        smaps: as Linux tells them in `/proc/PID/smaps`.
    """
    found: list[tuple[int, int]] = []
    candidate: tuple[int, int] | None = None
    changed_kb = 0
    for line in smaps.splitlines():
        if _HEADER.match(line):
            match = _MAPPING.match(line)
            candidate, changed_kb = (int(match[1], 16), int(match[2], 16)) if match else None, 0
        # Pages that the dynamic linker has relocated differ from the file and would be lost, swapped or not.
        elif line.startswith(("Anonymous:", "Swap:")):
            changed_kb += int(line.split()[1])
        elif candidate and line.startswith("VmFlags:") and not changed_kb:
            found.append(candidate)
    return found
