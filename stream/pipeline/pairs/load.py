"""A configuration with `pairs:` to the settings of each pair, checked one by one and against each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from stream.config import RunSettings, validate
from stream.config.many.fleet import PAIR_NAME
from stream.config.many.pairs import OF_PROCESS, PairsSettings
from stream.config.merge import overlay
from stream.errors import ConfigError, GifnetError
from stream.files.run_paths import check_report
from stream.pipeline.pairs.claims import conflicts
from stream.sinks import check_outputs
from stream.uri import mask_text

# Options of the command line that name what only one pair can have.
_OF_ONE_PAIR = ("visible", "thermal", "pair", "output", "preview", "control", "takeover")
# Options of the command line that are of the process.
_PLACES = {"metrics": ("metrics", "bind"), "logs": ("logs",), "report": ("report",)}


@dataclass(frozen=True, slots=True)
class PairsPlan:
    """Everything that a process of several pairs is to do.

    Attributes:
        settings: of the process.
        values: of each pair, merged, not yet checked, by name.
        runs: of each pair, by name.
    """

    settings: PairsSettings
    values: dict[str, dict[str, Any]]
    runs: dict[str, RunSettings]


def load_pairs(values: Mapping[str, Any], named: Mapping[str, Any], where: str) -> PairsPlan:
    """Check a configuration of several pairs.

    What stands beside `pairs` holds for every pair that does not say otherwise itself.

    Args:
        values: of the file.
        named: options of the command line by name, which win for every pair.
        where: what to call the file.

    Raises:
        ConfigError: lists everything that is wrong, a line for each pair.
    """
    if of_one := [name for name in _OF_ONE_PAIR if name in named]:
        raise ConfigError(
            f"{where} has pairs, each with inputs, outputs and addresses of its own: "
            f"leave out {', '.join(_flag(name) for name in of_one)}, or name one pair's in the file"
        )
    process = {key: deepcopy(value) for key, value in values.items() if key in OF_PROCESS}
    for name, place in _PLACES.items():
        if name in named:
            process[place[0]] = {place[1]: named[name]} if len(place) > 1 else named[name]
    settings = validate(PairsSettings, process, where)
    if settings.report:
        check_report(settings.report)
    common = {key: value for key, value in values.items() if key not in OF_PROCESS}
    options = {name: value for name, value in named.items() if name not in _PLACES}
    problems: dict[str, list[str]] = defaultdict(list)
    merged, runs = {}, {}
    for name, own in settings.pairs.items():
        try:
            merged[str(name)] = _merged(str(name), common, own)
            runs[str(name)] = _checked(merged[str(name)], options)
        except GifnetError as error:
            problems[str(name)].append(mask_text(str(error)))
    for name, problem in conflicts(runs, one_folder=True, metrics=settings.metrics.bind):
        problems[name].append(problem)
    if problems:
        lines = [f"  {name}: {'; '.join(all_of)}" for name, all_of in problems.items()]
        verb = "is" if len(problems) == 1 else "are"
        raise ConfigError(
            "\n".join([f"{where}: {len(problems)} of {len(settings.pairs)} pairs {verb} wrong:", *lines])
        )
    return PairsPlan(settings, merged, runs)


def _merged(name: str, common: Mapping[str, Any], own: Any) -> dict[str, Any]:
    if not re.fullmatch(PAIR_NAME, name):
        raise ConfigError("its name must be letters, digits, dots, dashes and underlines, at most 64")
    if not isinstance(own, dict):
        raise ConfigError(
            "it must be a mapping of settings, as in {visible: {uri: ...}, thermal: {uri: ...}}"
        )
    if alien := [key for key in own if key in OF_PROCESS and key != "report"]:
        verb = "is" if len(alien) == 1 else "are"
        raise ConfigError(f"{', '.join(alien)} {verb} of the whole process; put that beside pairs")
    return _over(common, own)


def _over(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A pair's own values over the common ones, section by section; lists are replaced."""
    merged = deepcopy(dict(common))
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _over(merged[key], value) if both else deepcopy(value)
    return merged


def _checked(values: Mapping[str, Any], options: Mapping[str, Any]) -> RunSettings:
    settings = validate(RunSettings, overlay(values, options), "it")
    if settings.takeover:
        raise ConfigError(
            "takeover is for a process of one pair, since the process before would end with all its pairs; "
            "leave it out"
        )
    if settings.fusion.batch > 1:
        raise ConfigError(
            f"fusion.batch is {settings.fusion.batch}, frames of one pair, and pairs make batches together; "
            "leave it out, and see sharing.batch"
        )
    check_outputs(settings)
    return settings


def _flag(name: str) -> str:
    return name.upper() if name in ("visible", "thermal") else "--" + name.replace("_", "-")
