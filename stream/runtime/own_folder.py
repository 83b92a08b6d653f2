"""The folder of this user's running processes: locks and sockets, gone with the next start of the machine."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from stream.errors import ConfigError


def runtime_folder() -> Path:
    """`gifnet` in $XDG_RUNTIME_DIR, else `gifnet-UID` among temporary files; made, and this user's alone.

    Raises:
        ConfigError: it cannot be made, or belongs to another user.
    """
    given = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(given) / "gifnet" if given else Path(tempfile.gettempdir()) / f"gifnet-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise ConfigError(
            f"the folder {folder} of running processes cannot be made: {error.strerror}"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise ConfigError(
            f"{folder} is not a folder of this user alone; name another one by the environment variable "
            "XDG_RUNTIME_DIR"
        )
    return folder
