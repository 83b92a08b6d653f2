"""The pairs of a fleet file, checked one by one and against each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.config import NAMES, RunSettings, load_yaml, validate
from stream.config.environment import load_config
from stream.config.many.fleet import PAIR_NAME, FleetPairSettings, FleetSettings
from stream.config.merge import overlay
from stream.errors import ConfigError, GifnetError
from stream.pipeline.pairs.claims import conflicts
from stream.sinks import check_outputs
from stream.uri import mask_text

_SECRETS = ("password", "token")


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair of cameras that is to run.

    Attributes:
        name: of it in the fleet.
        config: its configuration file, absolute.
        options: of its `gifnet run`, by name.
        settings: everything together, checked.
        own: what the fleet file says of it.
    """

    name: str
    config: Path
    options: dict[str, Any]
    settings: RunSettings
    own: FleetPairSettings

    def words(self) -> list[str]:
        """The command line behind `gifnet`."""
        return [
            "run",
            "-c",
            str(self.config),
            *(word for item in self.options.items() for word in _words(*item)),
        ]


def load_fleet(path: Path) -> list[Pair]:
    """Read and check a fleet file.

    Raises:
        ConfigError: lists everything that is wrong, a line for each pair.
    """
    fleet = load_fleet_settings(path)
    problems: dict[str, list[str]] = defaultdict(list)
    pairs = []
    for name, values in fleet.pairs.items():
        try:
            pairs.append(_pair(str(name), values, fleet.options, path.parent.absolute()))
        except GifnetError as error:
            problems[str(name)].append(mask_text(str(error)))
    labels = {pair.name: (pair.own.label or "").split("=") for pair in pairs}

    def are_apart(one: str, other: str) -> bool:
        """True for two values of one label, of which a node of a cluster has one."""
        return labels[one][0] == labels[other][0] != "" and labels[one] != labels[other]

    settings = {pair.name: pair.settings for pair in pairs}
    for name, problem in conflicts(settings, one_folder=False, are_apart=are_apart):
        problems[name].append(problem)
    if problems:
        lines = [f"  {name}: {'; '.join(all_of)}" for name, all_of in problems.items()]
        count = f"{len(problems)} of {len(fleet.pairs)} pairs {'is' if len(problems) == 1 else 'are'} wrong:"
        raise ConfigError("\n".join([f"the fleet {path}: {count}", *lines]))
    return pairs


def load_fleet_settings(path: Path) -> FleetSettings:
    """Read a fleet file, and nothing that it names.

    Raises:
        ConfigError: it is no fleet file.
    """
    return validate(FleetSettings, load_yaml(path, "fleet"), f"the fleet {path}")


def _pair(name: str, values: Any, common: dict[str, Any], base: Path) -> Pair:
    if not re.fullmatch(PAIR_NAME, name):
        raise ConfigError("its name must be letters, digits, dots, dashes and underlines, at most 64")
    if not isinstance(values, dict):
        raise ConfigError("it must be a mapping, as in {config: gate.yaml}")
    own = validate(FleetPairSettings, values, "it")
    options = {str(key).replace("-", "_"): value for key, value in {**common, **own.options}.items()}
    if unknown := sorted(set(options) - set(NAMES)):
        raise ConfigError(f"{', '.join(unknown)}: no option of `gifnet run`; see `gifnet run --help-all`")
    if secret := sorted(key for key in options if key.endswith(_SECRETS)):
        raise ConfigError(
            f"{', '.join(secret)}: a command line shows it to everybody; put it in the configuration"
        )
    config = base / own.config
    settings = validate(RunSettings, overlay(load_config(config), options), str(config))
    check_outputs(settings)
    return Pair(name, config, options, settings, own)


def _words(name: str, value: Any) -> Iterator[str]:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        yield flag if value else f"--no-{flag[2:]}"
    else:
        yield from (f"{flag}={each}" for each in (value if isinstance(value, list) else [value]))
