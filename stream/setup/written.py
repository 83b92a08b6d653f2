"""The files that a setup writes: a configuration that runs, and the calibration beside it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stream.config import NAMES
from stream.errors import ConfigError, SinkError
from stream.files.atomic_write import write_atomic
from stream.files.output_path import check_place, reason
from stream.registration.calibration import Calibration, save_calibration

# Mode of a file that may hold a password: its owner alone reads it.
PRIVATE = 0o600

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Names of the files.

    Attributes:
        config: the configuration file.
        calibration: the calibration file beside it.
    """

    config: Path
    calibration: Path

    def check(self, overwrite: bool, is_aligned: bool = False) -> None:
        """Refuse names where nothing can be written, or something is already.

        Args:
            overwrite: replace files that are there.
            is_aligned: the user has a calibration, so that none is written.

        Raises:
            SinkError: there is no such folder, or it cannot be written to.
            ConfigError: a file is there, and is not to be overwritten.
        """
        use_it = f"use it by --calibration {shlex.quote(str(self.calibration))}, "
        remedy = "name another file by -o, or pass --overwrite"
        remedies = {self.config: remedy, self.calibration: use_it + remedy}
        for path in (self.config,) if is_aligned else (self.config, self.calibration):
            check_place(path)
            if path.exists() and not overwrite:
                raise ConfigError(f"{path} is there already; {remedies[path]}")


def place_of(output: Path) -> Place:
    """The files of a setup: `pair.yaml` and `pair.calibration.yaml`.

    Raises:
        ConfigError: the name is no YAML file.
    """
    if output.suffix.lower() not in (".yaml", ".yml"):
        raise ConfigError(f"-o must name a YAML file, as in pair.yaml, got {output}")
    return Place(output, output.with_name(f"{output.stem}.calibration{output.suffix}"))


def nested(named: Mapping[str, Any]) -> Values:
    """Settings given by name as the configuration file holds them.

    Args:
        named: by their names in `stream.config.NAMES`, plus `visible` and `thermal` for the inputs.
    """
    values: Values = {}
    for name, value in named.items():
        keys = f"{name}.uri".split(".") if name in ("visible", "thermal") else NAMES[name].split(".")
        inner = values
        for key in keys[:-1]:
            inner = inner.setdefault(key, {})
        inner[keys[-1]] = value
    return values


def write_files(place: Place, values: Values, calibration: Calibration | None, told: list[str]) -> None:
    """Write the calibration, if there is one, and then the configuration that names it.

    Args:
        place: the names.
        values: settings as the configuration file holds them.
        calibration: how the pictures lie on each other.
        told: sentences for the head of the configuration, as comments.

    Raises:
        SinkError, CalibrationError: a file cannot be written.
    """
    if calibration:
        save_calibration(calibration, place.calibration)
    head = "".join(f"# {' '.join(sentence.split())}\n" for sentence in ("gifnet setup", *told))
    text = yaml.safe_dump(_plain(values), sort_keys=False, allow_unicode=True, width=300)
    try:
        write_atomic(place.config.resolve(), head + text, mode=PRIVATE if _has_secret(values) else 0o666)
    except OSError as error:
        raise SinkError(f"the configuration {place.config} cannot be written: {reason(error)}") from None


def next_command(config: Path) -> str:
    """Command that runs the configuration."""
    return f"gifnet run -c {shlex.quote(str(config))} -o fused.mp4"


def _plain(value: Any) -> Any:
    """A value as YAML takes it, with `${` escaped."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Path):
        value = str(value)
    return value.replace("${", "$${") if isinstance(value, str) else value


def _has_secret(values: Values) -> bool:
    """True if the settings may contain a password."""
    inputs = [values.get(side, {}) for side in ("visible", "thermal")]
    uris = [str(one.get("uri", "")) for one in inputs] + [str(values.get("pair") or "")]
    return any("password" in one for one in inputs) or any("@" in uri for uri in uris)
