"""Checks of a path before anything is written there, and reasons of failures as text."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from stream.errors import SinkError

_LEAST_FREE_BYTES = 1_000_000


def check_place(path: Path) -> None:
    """Refuse a path where no file can be made, before anything is computed for it.

    Raises:
        SinkError: says what is wrong with the path.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise SinkError(f"the folder {folder} of the output {path.name} does not exist; make it first")
    if path.is_dir():
        raise SinkError(f"the output {path} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise SinkError(f"the output {path} is a device, a pipe or a socket; name a file")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise SinkError(f"the output {path} cannot be written: no permission; name another place")
    if shutil.disk_usage(folder).free < _LEAST_FREE_BYTES:
        raise SinkError(
            f"the output {path} cannot be written: the disk is full; make room or name another place"
        )


def reason(error: Exception) -> str:
    """The reason why something could not be written, as text."""
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC:
        return "the disk is full"
    if number == errno.EFBIG:
        return "the file is larger than this system allows"
    return getattr(error, "strerror", None) or str(error)
