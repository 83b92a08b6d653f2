"""The pairs of a fleet file, checked one by one and against each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.config import NAMES, RunSettings, load_yaml, validate
from stream.config.environment import load_config
from stream.config.fleet import PAIR_NAME, FleetPairSettings, FleetSettings
from stream.config.merge import overlay
from stream.errors import ConfigError, GifnetError
from stream.sinks import check_outputs, sink_settings
from stream.uri import mask_text, parse_uri

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
    for name, problem in _conflicts(pairs):
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


def _conflicts(pairs: Sequence[Pair]) -> Iterator[tuple[str, str]]:
    """Ports, files and names that two pairs of one machine would both take."""
    taken: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        for what in dict.fromkeys(_takes(pair.settings)):
            first = next((each for each in taken[what] if not _are_apart(each, pair)), None)
            if first:
                yield pair.name, f"{what} is that of {first.name} too; give each pair its own"
            taken[what].append(pair)


def _are_apart(one: Pair, other: Pair) -> bool:
    """True for pairs that never share a machine, since a node has one value for each label."""
    labels = [(each.own.label or "").partition("=") for each in (one, other)]
    return bool(labels[0][0]) and labels[0][0] == labels[1][0] and labels[0][2] != labels[1][2]


def _takes(settings: RunSettings) -> Iterator[str]:
    binds = (settings.preview.bind, settings.metrics.bind, settings.control.bind)
    for bind in (*binds, *(output.uri for output in settings.outputs)):
        port = re.search(r":(\d{1,5})(?:[/?]|$)", bind or "")
        is_server = bind in binds or str(bind).startswith("zmq+tcp://")
        if bind and port and is_server and int(port[1]) and "connect=1" not in bind:
            yield f"port {port[1]}"
    for output in settings.outputs:
        for place in sink_settings(output, settings.outputs).places():
            if place.is_absolute():  # others lie in a folder of each pair
                yield f"the output {place}"
        if output.uri.startswith("zmq+ipc://"):
            yield f"the socket {parse_uri(output.uri).path}"
    if settings.takeover:
        yield f"the name {settings.takeover} to take over"


def _words(name: str, value: Any) -> Iterator[str]:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        yield flag if value else f"--no-{flag[2:]}"
    else:
        yield from (f"{flag}={each}" for each in (value if isinstance(value, list) else [value]))
