"""Command-line options made from the settings models: name, type, range, default and help text."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import annotated_types
import click
from click.core import ParameterSource
from pydantic.fields import FieldInfo

from stream.config import NAMES, field_at

Function = TypeVar("Function", bound=Callable[..., Any])
# Settings of one output; on the command line each belongs to the output before which it stands.
OF_OUTPUTS = tuple(name for name, place in NAMES.items() if place.startswith("outputs.") and name != "output")

_SHORT = {"output": "-o"}
_METAVARS = {
    "output": "URI",
    "preview_hosts": "NAME",
    "preview_prefix": "PATH",
    "weights": "NAME|FILE",
    "detector": "NAME|FILE",
    "device": "auto|cpu|cuda|cuda:N",
    "encoder": "NAME",
    "takeover": "NAME",
}


class SettingOption(click.Option):
    """An option that stands for a setting of `stream.config.NAMES`; its name is the same."""


def setting_options(names: Iterable[str]) -> Callable[[Function], Function]:
    """Decorator that adds an option for each named setting of `stream.config.NAMES`.

    Beside `output`, options of outputs may come several times; `per_output.py` gives each to its output.
    """
    listed = list(names)

    def decorate(function: Function) -> Function:
        for name in reversed(listed):
            function = setting_option(name, many="output" in listed and name in OF_OUTPUTS)(function)
        return function

    return decorate


def setting_option(name: str, many: bool = False) -> Callable[[Function], Function]:
    """One option, for example `--tolerance-ms`, made from the field that `name` stands for."""
    return field_option(name, field_at(NAMES[name]), many, SettingOption)


def field_option(
    name: str, field: FieldInfo, many: bool = False, kind: type[click.Option] = click.Option
) -> Callable[[Function], Function]:
    """One option made from a field of a settings model."""
    flag = "--" + name.replace("_", "-")
    switch = _plain_type(field) is bool
    repeats = many or name == "output" or get_origin(field.annotation) is tuple
    default = _default(field)
    if repeats:
        default = (default,) if many and default is not None else ()
    return click.option(
        *([_SHORT[name]] if name in _SHORT else []),
        f"{flag}/--no-{flag[2:]}" if switch else flag,
        name,
        cls=kind,
        type=None if switch else _click_type(field),
        default=default,
        show_default=_switch_in_words(flag, default) if many and switch else default not in (None, ()),
        multiple=repeats,
        metavar=_METAVARS.get(name),
        help=_sentence(field.description or ""),
    )


def _switch_in_words(flag: str, default: tuple[bool, ...]) -> str:
    return flag[2:] if default[0] else f"no-{flag[2:]}"


def named_settings(ctx: click.Context) -> dict[str, Any]:
    """The settings that were given on the command line, by name."""
    names = {*NAMES, "visible", "thermal"}
    given = {
        name: value
        for name, value in ctx.params.items()
        if name in names and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def verbosity_options(function: Function) -> Function:
    """`-q/--quiet` and `-v/--verbose`."""
    quiet = click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
    verbose = click.option("-v", "--verbose", is_flag=True, help="Tell more about what is chosen and done.")
    return quiet(verbose(function))


def _plain_type(field: FieldInfo) -> Any:
    """The field's type without None."""
    if get_origin(field.annotation) in (Union, types.UnionType):
        return next(part for part in get_args(field.annotation) if part is not type(None))
    return field.annotation


class NumberOr(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A number or one of a few words."""

    name = "number"

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or the word as it is."""
        if isinstance(value, float) or value in self._words:
            return value
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor {' nor '.join(self._words)}", param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """For the help."""
        return "|".join(["NUMBER", *self._words])


def _click_type(field: FieldInfo) -> Any:
    parts = get_args(field.annotation)
    words = [get_args(part) for part in parts if get_origin(part) is Literal]
    if get_origin(field.annotation) is tuple:
        return parts[0]
    if words and float in parts:
        return NumberOr(words[0])
    kind = _plain_type(field)
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    if kind is Path:
        return click.Path(path_type=Path)
    if kind in (int, float) and _bounds(field):
        return (click.IntRange if kind is int else click.FloatRange)(**_bounds(field))
    return kind


def _bounds(field: FieldInfo) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for limit in field.metadata:
        match limit:
            case annotated_types.Ge(low):
                bounds |= {"min": low}
            case annotated_types.Gt(low):
                bounds |= {"min": low, "min_open": True}
            case annotated_types.Le(high):
                bounds |= {"max": high}
            case annotated_types.Lt(high):
                bounds |= {"max": high, "max_open": True}
    return bounds


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.default
