"""Several origins of settings, one result: command line over file over defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Literal

import yaml

from stream.config import NAMES, Settings
from stream.config.environment import with_passwords
from stream.config.pair import with_pair
from stream.uri import mask

Origin = Literal["default", "file", "command line"]
Values = dict[str, Any]


def overlay(values: Mapping[str, Any], named: Mapping[str, Any]) -> Values:
    """Put settings given by name over a nested mapping.

    Args:
        values: settings of a configuration file, not yet checked; left as they are.
        named: settings by their names in `stream.config.NAMES`, plus `visible` and `thermal` for the inputs;
            `output` is a list of URIs, or of mappings with `uri` and options of that output, and replaces
            all outputs of the file; the other output settings hold for every output.

    Raises:
        ConfigError: `pair` is wrong.
    """
    merged = deepcopy(dict(values))
    if "output" in named:
        merged["outputs"] = [each if isinstance(each, dict) else {"uri": each} for each in named["output"]]
    for name, value in named.items():
        if name in ("visible", "thermal"):
            _put(merged, [name, "uri"], value)
        elif name != "output":
            _put(merged, NAMES[name].split("."), value)
    _let_newer_inputs_win(merged, named)
    return with_passwords(with_pair(merged))


def _let_newer_inputs_win(merged: Values, named: Mapping[str, Any]) -> None:
    """Inputs of the command line win over a pair of the file, and the reverse."""
    if "visible" in named or "thermal" in named:
        merged.update({"pair": None} if "pair" not in named and "pair" in merged else {})
    elif "pair" in named:
        for section in (merged.get("visible"), merged.get("thermal")):
            if isinstance(section, dict):
                section.pop("uri", None)


def _put(values: Any, keys: list[str], value: Any) -> None:
    """Set one value; what is not a mapping is left for the check to refuse."""
    first, *rest = keys
    if first == "*":
        for item in values if isinstance(values, list) else []:
            _put(item, rest, value)
    elif isinstance(values, dict) and rest:
        _put(values.setdefault(first, [] if rest[0] == "*" else {}), rest, value)
    elif isinstance(values, dict):
        values[first] = value


def origin_of(path: str, from_file: Mapping[str, Any], named: Mapping[str, Any]) -> Origin:
    """The origin of the value of a setting such as `pairing.tolerance_ms` or `outputs.0.view`."""
    keys = path.split(".")
    starred = ".".join("*" if key.isdigit() else key for key in keys)
    places = {NAMES.get(name, f"{name}.uri") for name in named}
    if starred in places:
        return "command line"
    if keys[0] == "outputs" and _holds({"outputs": named.get("output", ())}, keys):
        return "command line"
    if keys[0] == "outputs" and "output" in named:
        return "default"
    return "file" if _holds(from_file, keys) else "default"


def _holds(values: Any, keys: list[str]) -> bool:
    for key in keys:
        if isinstance(values, Mapping) and key in values:
            values = values[key]
        elif isinstance(values, list) and key.isdigit() and int(key) < len(values):
            values = values[int(key)]
        else:
            return False
    return True


def public_values(settings: Settings) -> Values:
    """Settings as plain nested values, passwords in URIs masked."""
    values: Values = settings.model_dump(mode="json")
    for item in (values.get("visible"), values.get("thermal"), *values.get("outputs", ())):
        if item:
            item["uri"] = mask(item["uri"])
    if values.get("pair"):
        values["pair"] = mask(values["pair"])
    return values


def describe(settings: Settings, from_file: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    """Effective settings as YAML, each with a comment that tells where it came from."""
    lines = list(_lines(public_values(settings), ""))
    width = max(len(text) for text, _ in lines)
    return "\n".join(
        f"{text:{width}}  # {origin_of(path, from_file, named)}" if path else text for text, path in lines
    )


def _lines(value: Any, path: str, indent: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        place = f"{path}.{key}" if path else key
        if isinstance(item, dict):
            yield f"{indent}{key}:", ""
            yield from _lines(item, place, indent + "  ")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            yield f"{indent}{key}:", ""
            for number, entry in enumerate(item):
                entries = list(_lines(entry, f"{place}.{number}", indent + "    "))
                first = entries[0][0].lstrip()
                yield f"{indent}  - {first}", entries[0][1]
                yield from entries[1:]
        else:
            yield f"{indent}{key}: {_scalar(item)}", place


def _scalar(value: Any) -> str:
    text = yaml.safe_dump(value, width=10**6, allow_unicode=True, default_flow_style=True)
    return str(text).splitlines()[0]
