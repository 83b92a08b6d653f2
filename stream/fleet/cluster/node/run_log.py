"""The log of a pair on its node: the newest lines in memory, and files of bounded size."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

LINES_KEPT = 2000
LARGEST_BYTES = 4 << 20
LONGEST_LINE = 4000


class RunLog:
    """Takes lines of a child; `run.log` and the one before it, `run.log.1`, lie in the pair's folder."""

    def __init__(self, folder: Path) -> None:
        """Go on with the file that is there.

        Args:
            folder: of the pair; is there.
        """
        self._path = folder / "run.log"
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._count = 0
        for line in _tail(self._path):
            self._keep(line)

    @property
    def last(self) -> str:
        """The newest line; empty without one."""
        return self._lines[-1] if self._lines else ""

    def add(self, line: str) -> None:
        """Take a line, without its end."""
        line = line[:LONGEST_LINE]
        self._keep(line)
        try:
            self._file.write(line + "\n")
            if self._file.tell() > LARGEST_BYTES:
                self._file.close()
                os.replace(self._path, self._path.with_suffix(".log.1"))
                self._file = self._path.open("a", encoding="utf-8", buffering=1)
        except OSError:  # a full disk ends no run
            return

    def after(self, number: int, most: int) -> tuple[int, list[str]]:
        """Lines behind a number, and the number of the newest.

        Args:
            number: of the newest line that is known already; below zero for none.
            most: newest lines to give.
        """
        new = self._count if number < 0 or number > self._count else self._count - number
        lines = list(self._lines)[-min(new, most) :] if new and most else []
        return self._count, lines

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _keep(self, line: str) -> None:
        self._lines.append(line)
        self._count += 1


def _tail(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64 * 1024))
        return file.read().decode("utf-8", "replace").splitlines()[-LINES_KEPT:]
