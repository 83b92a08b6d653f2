"""The file in which a controller keeps its fleet, on the disk of the head node."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from stream.errors import ConfigError
from stream.files.atomic_write import write_atomic
from stream.fleet.cluster.fleet_state import FleetState

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

    def read(self) -> FleetState:
        """The fleet as it was saved, or an empty one.

        Raises:
            ConfigError: it is damaged.
        """
        try:
            return FleetState(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return FleetState()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"the state {self._path} of the fleet cannot be read ({type(error).__name__}: {error}); move "
                "it away to begin anew, with counts at 0"
            ) from None

    def write(self, state: FleetState) -> None:
        """Save, where something changed; a full disk is told and ends nothing."""
        text = json.dumps(state.as_json())
        if text == self._written:
            return
        try:
            write_atomic(self._path, text, durable=False, mode=0o600)
            self._written = text
        except OSError as error:
            _log.warning("the state of the fleet cannot be saved in %s: %s", self._path, error.strerror)
