"""Settings that can change during a run: checked like a configuration file, applied between two frames."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types

from stream.config import FuseSettings, PairingSettings, RunSettings, field_at, leaf_paths, validate_json
from stream.errors import ConfigError

# Sections that can change, but for their files: whoever reaches the page must not read files by it.
SECTIONS = ("pairing", "registration", "gain")
# Changes that are kept for the report.
MOST_KEPT = 1000

_log = logging.getLogger(__name__)


def changeable() -> list[str]:
    """Places of the settings that can be changed, for example `pairing.tolerance_ms`."""
    places = leaf_paths(FuseSettings)
    return [place for place in places if place.split(".")[0] in SECTIONS and not _is_file(place)]


@dataclass(frozen=True, slots=True)
class Adjustable:
    """Handle on the changeable settings of a running pipeline; its functions may be called by any thread.

    Attributes:
        retune: takes over registration and gain from the next frame on; raises where they do not fit.
        change_pairing: takes over the pairing; None for recordings, which keep the pairing they began with.
    """

    retune: Callable[[FuseSettings], None]
    change_pairing: Callable[[PairingSettings], None] | None = None


class AdjustableSettings:
    """The settings of a run as they are now; may be used by any thread.

    Attributes:
        changes: the last changes: who, and the values by place.
    """

    def __init__(self, settings: RunSettings, pipeline: Adjustable) -> None:
        """Begin with the settings of the run.

        Args:
            settings: that the pipeline was built with.
            pipeline: takes changes over.
        """
        self._settings, self._pipeline = settings, pipeline
        self._lock = threading.Lock()
        self.changes: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)

    def values(self) -> dict[str, Any]:
        """The settings that hold now, plain values by path."""
        with self._lock:
            return _values(self._settings)

    def change(self, values: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Change some settings, all of them or none.

        Args:
            values: by path, for example `{"pairing.tolerance_ms": 30}`.
            by: who asks, for the log.

        Returns:
            All adjustable settings after the change, by path.

        Raises:
            ConfigError: a path or value is wrong, cannot be changed now, or does not fit the pictures.
        """
        unknown = sorted(set(values) - set(changeable()))
        if unknown:
            raise ConfigError(
                f"{', '.join(unknown)} cannot be changed while a run goes on; allowed are "
                f"{', '.join(changeable())}"
            )
        with self._lock:
            return self._apply(self._with(values), by)

    def change_to(self, settings: FuseSettings, by: str) -> dict[str, Any]:
        """Take over everything changeable of other settings.

        Raises:
            ConfigError: as `change`.
        """
        with self._lock:
            update = {section: getattr(settings, section) for section in SECTIONS}
            registration = settings.registration.model_copy(update={"file": self._settings.registration.file})
            return self._apply(self._settings.model_copy(update=update | {"registration": registration}), by)

    def _with(self, values: Mapping[str, Any]) -> RunSettings:
        """The settings with other values, checked as a whole."""
        sections = _nested(self._settings)
        for place, value in values.items():
            section, key = place.split(".")
            sections[section][key] = value
        sources = self._settings.model_dump(mode="json", include={"visible", "thermal"})
        checked = validate_json(FuseSettings, {**sources, **sections}, "the change")
        return self._settings.model_copy(update={section: getattr(checked, section) for section in SECTIONS})

    def _apply(self, wanted: RunSettings, by: str) -> dict[str, Any]:
        before, after = _values(self._settings), _values(wanted)
        changed = {place: value for place, value in after.items() if value != before[place]}
        if not changed:
            return after
        pairs, change_pairing = wanted.pairing != self._settings.pairing, self._pipeline.change_pairing
        if pairs and change_pairing is None:
            raise ConfigError(
                "recordings are paired by the settings that they began with; start another run for others"
            )
        self._pipeline.retune(wanted)
        if pairs and change_pairing:
            change_pairing(wanted.pairing)
        self._settings = wanted
        self.changes.append({"by": by, "settings": changed})
        _log.warning("%s changed %s", by, ", ".join(f"{key} to {value}" for key, value in changed.items()))
        return after


def describe() -> Iterator[dict[str, Any]]:
    """Adjustable settings: path (`place`), description, default, and `choices` or `minimum`, `maximum`."""
    for place in changeable():
        field = field_at(place)
        words = {"place": place, "description": field.description, "default": field.default}
        yield words | _choices(field.annotation) | _limits(field.metadata)


def _is_file(place: str) -> bool:
    annotation = field_at(place).annotation
    return Path in (annotation, *get_args(annotation))


def _choices(annotation: Any) -> dict[str, Any]:
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        return {"choices": list(parts)}
    words = [word for part in parts if get_origin(part) is Literal for word in get_args(part)]
    return {"words": words} if words else {}


def _limits(metadata: list[Any]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for limit in metadata:
        if isinstance(limit, annotated_types.Ge | annotated_types.Gt):
            limits["minimum"] = limit.ge if isinstance(limit, annotated_types.Ge) else limit.gt
        if isinstance(limit, annotated_types.Le | annotated_types.Lt):
            limits["maximum"] = limit.le if isinstance(limit, annotated_types.Le) else limit.lt
    return limits


def _nested(settings: FuseSettings) -> dict[str, dict[str, Any]]:
    dumped: dict[str, dict[str, Any]] = settings.model_dump(mode="json", include=set(SECTIONS))
    return dumped


def _values(settings: FuseSettings) -> dict[str, Any]:
    nested = _nested(settings)
    return {place: nested[place.split(".")[0]][place.split(".")[1]] for place in changeable()}
