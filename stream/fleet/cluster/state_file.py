"""The file in which a controller keeps its fleet, on the disk of the head node."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from stream.errors import ConfigError
from stream.files.atomic_write import write_atomic

_log = logging.getLogger(__name__)


def fleet_folder(name: str, given: Path | None = None) -> Path:
    """Folder of a fleet on this machine: the one that is given, else in $XDG_STATE_HOME or ~/.local/state."""
    if given is not None:
        return given
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "gifnet" / name


class StateFile:
    """Written whole or not at all, by its owner alone to be read."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            ConfigError: it cannot be made.
        """
        self._path, self._written = folder / "controller.json", ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"the folder {folder} of the fleet cannot be made: {error.strerror}") from None

    def read(self) -> dict[str, Any] | None:
        """What was saved; None where nothing was.

        Raises:
            ConfigError: it is damaged.
        """
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the state {self._path} of the fleet cannot be read ({error}); move it away to begin anew, "
                "with counts at 0"
            ) from None
        return values if isinstance(values, dict) else None

    def write(self, values: dict[str, Any]) -> None:
        """Save, where something changed; a full disk is told and ends nothing."""
        text = json.dumps(values)
        if text == self._written:
            return
        try:
            write_atomic(self._path, text, durable=False, mode=0o600)
            self._written = text
        except OSError as error:
            _log.warning("the state of the fleet cannot be saved in %s: %s", self._path, error.strerror)
