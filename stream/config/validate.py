"""Checks values against settings, and says in sentences what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import ValidationError

from stream.config.base import Settings
from stream.config.option_names import field_at, section_of
from stream.errors import ConfigError

# What to do about a setting that has no default.
_REMEDIES = {
    "visible": "name the visible input first, as in `gifnet run VISIBLE THERMAL -o OUT`",
    "thermal": "name the thermal input after the visible one, as in `gifnet run VISIBLE THERMAL -o OUT`",
}

# A configuration has some hundred values; aliases of aliases can stand for billions.
MOST_VALUES = 100_000

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=Settings)


def validate(model: type[Model], values: dict[str, Any], where: str) -> Model:
    """Check a nested mapping against a settings model.

    Args:
        model: for example `RunSettings`.
        values: the settings as nested dictionaries.
        where: what to call their origin in messages.

    Raises:
        ConfigError: lists every problem with its path.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(_sentences(model, error))}") from None


def validate_json(model: type[Model], values: dict[str, Any], where: str) -> Model:
    """As `validate`, for values from a JSON document: a number is no text and a text no number.

    Raises:
        ConfigError: lists every problem with its path.
    """
    try:
        return model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(_sentences(model, error))}") from None


def load_yaml(path: Path, what: str = "configuration") -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Args:
        path: of the file.
        what: what to call it in messages.

    Raises:
        ConfigError: when the file cannot be read or is no mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the {what} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the {what} {path} is not a text file in UTF-8") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place else ""
        why = " ".join(str(getattr(error, "problem", error)).split())
        raise ConfigError(f"the {what} {path} is not YAML{line}: {why}") from None
    except (ValueError, LookupError, AttributeError, ArithmeticError, RecursionError):
        # A date, number or nesting that YAML's own reader cannot hold, such as 2024-13-45 or !!int abc.
        raise ConfigError(f"the {what} {path} holds a date, number or nesting that cannot be read") from None
    if _too_large(values):
        raise ConfigError(
            f"the {what} {path} has more than {MOST_VALUES} values once its aliases are followed"
        )
    if not isinstance(values, dict):
        raise ConfigError(f"the {what} {path} must be a mapping of settings, got {type(values).__name__}")
    return values


def _too_large(values: Any) -> bool:
    """True when a document has too many values with its aliases followed, or contains itself."""
    left, count = [values], 0
    while left and count <= MOST_VALUES:
        count += 1
        value = left.pop()
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list | set):
            left += value
    return count > MOST_VALUES


def _sentences(model: type[Settings], error: ValidationError) -> Iterator[str]:
    """One phrase for each problem; unknown keys of one section share a phrase."""
    unknown: dict[Place, list[str]] = {}
    for problem in error.errors():
        if problem["loc"] and str(problem["loc"][-1]).startswith("literal["):
            continue  # the words beside a number; the complaint about the number names them
        if problem["type"] == "extra_forbidden":
            unknown.setdefault(problem["loc"][:-1], []).append(_path(problem["loc"]))
        else:
            yield _sentence(problem)
    for place, paths in unknown.items():
        verb = "is not a known key" if len(paths) == 1 else "are not known keys"
        yield f"{', '.join(paths)} {verb}, allowed are {', '.join(_keys(model, place))}"


def _sentence(problem: Any) -> str:
    place, words = problem["loc"], ""
    if place and place[-1] == "float":
        place, words = place[:-1], f", or {_words_beside_number(_path(place[:-1]))}"
    path = _path(place)
    if problem["type"] == "missing":
        remedy = _REMEDIES.get(path)
        return f"{path} is missing" + (f", {remedy}" if remedy else "")
    if problem["type"] == "value_error":
        return f"{path or 'the settings'}: {problem['ctx']['error']}"
    text = problem["msg"].replace("Input", "it").replace("List", "it").replace("Tuple", "it")
    return f"{path or 'the settings'}: {text}{words}, got {_shown(problem['input'])}"


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # Python prints no integer of more than some thousand digits
        return f"an integer of {value.bit_length()} bits" if isinstance(value, int) else "a long number"


def _words_beside_number(path: str) -> str:
    parts = get_args(field_at(path).annotation)
    return " or ".join(repr(word) for part in parts for word in get_args(part))


def _path(place: Place) -> str:
    return ".".join(str(key) for key in place)


def _keys(model: type[Settings], place: Place) -> list[str]:
    for key in place:
        if isinstance(key, str):
            model = section_of(model.model_fields[key]) or model
    return list(model.model_fields)
