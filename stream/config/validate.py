"""Checks values against settings, and describes errors in sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from stream.config.base import Settings
from stream.config.option_names import field_at, section_of
from stream.config.shown import LONGEST, may_hold_secret, shown
from stream.errors import ConfigError
from stream.uri import mask_text

# Advice for each setting that is missing and has no default.
_REMEDIES = {
    "visible": "name the visible input first, as in `gifnet run VISIBLE THERMAL -o OUT`",
    "thermal": "name the thermal input after the visible one, as in `gifnet run VISIBLE THERMAL -o OUT`",
}

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
    """As `validate`, for values from a JSON document, without conversion between numbers and text.

    Raises:
        ConfigError: lists every problem with its path.
    """
    try:
        return model.model_validate_json(json.dumps(values, allow_nan=False), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(_sentences(model, error))}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{where}: a number is not finite or too long, or lists lie too deep") from None


def _sentences(model: type[Settings], error: ValidationError) -> Iterator[str]:
    """One phrase for each problem; unknown keys of one section share a phrase."""
    unknown: dict[Place, list[str]] = {}
    for problem in error.errors():
        if problem["loc"] and str(problem["loc"][-1]).startswith("literal["):
            continue  # the words beside a number; the complaint about the number names them
        if problem["type"] == "extra_forbidden":
            unknown.setdefault(problem["loc"][:-1], []).append(_path(problem["loc"]))
        else:
            yield _sentence(model, problem)
    for place, paths in unknown.items():
        verb = "is not a known key" if len(paths) == 1 else "are not known keys"
        keys = _keys(model, place)
        meant = _meant([path.rpartition(".")[2] for path in paths], keys)
        yield f"{', '.join(paths)} {verb}, allowed are {', '.join(keys)}{meant}"


def _meant(unknown: list[str], keys: list[str]) -> str:
    near = [match for key in unknown for match in get_close_matches(key, keys, 1)]
    return f" (did you mean {' and '.join(near)}?)" if near else ""


def _sentence(model: type[Settings], problem: Any) -> str:
    place, words = problem["loc"], ""
    if place and place[-1] == "float":
        place, words = place[:-1], f", or {_words_beside_number(_path(place[:-1]))}"
    path = _path(place)
    if problem["type"] == "missing":
        remedy = _REMEDIES.get(path)
        return f"{path} is missing" + (f", {remedy}" if remedy else "")
    if problem["type"] == "json_invalid":
        return "a text in it is no Unicode"
    if problem["type"] == "value_error":
        return f"{path or 'the settings'}: {problem['ctx']['error']}"
    text = _text(model, problem, place)
    got = shown(problem["input"], may_hold_secret(model, place))
    return f"{path or 'the settings'}: {text}{words}, got {got}"


def _text(model: type[Settings], problem: Any, place: Place) -> str:
    """The complaint without names of classes."""
    kind = problem["type"]
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"it should be a mapping of settings, as in {place[-1]}: {{{_keys(model, place)[0]}: ...}}"
    if kind in ("tuple_type", "list_type"):
        return "it should be a list"
    if kind in ("float_parsing", "float_type", "int_parsing", "int_type"):
        return "it should be a whole number" if kind.startswith("int") else "it should be a number"
    text: str = problem["msg"]
    for word in ("Input", "List", "Tuple", "String", "Value"):
        text = f"it{text.removeprefix(word)}" if text.startswith(f"{word} ") else text
    return text


def _words_beside_number(path: str) -> str:
    parts = get_args(field_at(path).annotation)
    return " or ".join(repr(word) for part in parts for word in get_args(part))


def _path(place: Place) -> str:
    # An address may stand where a key belongs.
    return ".".join(mask_text(str(key)[:LONGEST]) for key in place)


def _keys(model: type[Settings], place: Place) -> list[str]:
    for key in place:
        if isinstance(key, str):
            model = section_of(model.model_fields[key]) or model
    return list(model.model_fields)
