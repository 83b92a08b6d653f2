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

_SHORT = {"output": "-o"}
_METAVARS = {
    "output": "URI",
    "preview_hosts": "NAME",
    "preview_prefix": "PATH",
    "weights": "NAME|FILE",
    "encoder": "NAME",
    "takeover": "NAME",
}


def setting_options(names: Iterable[str]) -> Callable[[Function], Function]:
    """Decorator that adds an option for each named setting of `stream.config.NAMES`."""

    def decorate(function: Function) -> Function:
        for name in reversed(list(names)):
            function = setting_option(name)(function)
        return function

    return decorate


def setting_option(name: str) -> Callable[[Function], Function]:
    """One option, for example `--tolerance-ms`, made from the field that `name` stands for."""
    return field_option(name, field_at(NAMES[name]))


def field_option(name: str, field: FieldInfo) -> Callable[[Function], Function]:
    """One option made from a field of a settings model."""
    flag = "--" + name.replace("_", "-")
    switch = _plain_type(field) is bool
    many = name == "output" or get_origin(field.annotation) is tuple
    return click.option(
        *([_SHORT[name]] if name in _SHORT else []),
        f"{flag}/--no-{flag[2:]}" if switch else flag,
        name,
        type=None if switch else _click_type(field),
        default=() if many else _default(field),
        show_default=not many and _default(field) is not None,
        multiple=many,
        metavar=_METAVARS.get(name),
        help=_sentence(field.description or ""),
    )


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
