"""Settings of one sink, read from its URI, from flags and from YAML by the same model."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

import annotated_types
from pydantic import Field, ValidationError

from stream.config import OutputSettings, Settings
from stream.config.shown import may_hold_secret, shown
from stream.errors import SinkError
from stream.sinks.base import Sink, SinkOptions
from stream.uri import Uri, mask, parse_uri

# Settings that every output may have, and their defaults; `uri` chooses the kind.
COMMON = {key: field.default for key, field in OutputSettings.model_fields.items() if key != "uri"}


class SinkSettings(Settings):
    """Base of the settings of a kind of sink; a subclass adds a field for every option that it takes.

    A field whose name `OutputSettings` has too is set by flags and YAML, every other one by the query of
    the URI. An option without a field is refused.

    Attributes:
        schemes: of the URI; the value is True where what follows is a path on this machine, which is then
            never allowed to be an input of the run.
        form: how to write it, for messages.
        kind: what it is, for messages.
        in_query: fields that are read from the URI although `OutputSettings` has one of that name.
        reads_query: False where the query belongs to the server.
    """

    schemes: ClassVar[dict[str, bool]] = {}
    form: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    in_query: ClassVar[frozenset[str]] = frozenset()
    reads_query: ClassVar[bool] = True

    uri: Annotated[str, Field(min_length=1)]

    @classmethod
    def claims(cls, uri: Uri) -> bool:
        """True when the URI names a sink of this kind."""
        return uri.scheme in cls.schemes

    @classmethod
    def query_options(cls) -> list[str]:
        """Names of the options that the URI may have."""
        own = [key for key in cls.model_fields if key != "uri" and (key not in COMMON or key in cls.in_query)]
        return sorted(own)

    @classmethod
    def common_options(cls) -> list[str]:
        """Names of the options that flags and YAML may set."""
        return sorted(key for key in cls.model_fields if key in COMMON and key not in cls.in_query)

    @classmethod
    def read(cls, uri: Uri, common: dict[str, Any]) -> Self:
        """Check the options of one output.

        Args:
            uri: with its query.
            common: options from flags and YAML, by name.

        Raises:
            SinkError: one is unknown, of no use to this kind, or outside its range.
        """
        useless = sorted(set(common) - set(cls.common_options()))
        if useless:
            takes = ", ".join(cls.common_options()) or "none of these options"
            raise SinkError(
                f"{uri}: {cls.kind} takes no {' and no '.join(useless)}, only {takes}; leave it out"
            )
        query = uri.options if cls.reads_query else {}
        unknown = sorted(set(query) - set(cls.query_options()))
        if unknown:
            known = ", ".join(cls.query_options()) or "none"
            raise SinkError(f"{uri}: unknown option {', '.join(unknown)}; known are {known}")
        try:
            return cls.model_validate({"uri": uri.text, **query, **common})
        except ValidationError as error:
            raise SinkError(f"{uri}: {cls._sentence(error)}") from None

    def path(self) -> Path:
        """The path in the URI."""
        return Path(parse_uri(self.uri).path)

    def places(self) -> list[Path]:
        """Files and folders that the sink writes; empty where it writes to no disk."""
        return [self.path()] if type(self).schemes.get(parse_uri(self.uri).scheme, True) else []

    def replaces(self, path: Path) -> bool:
        """True when the sink may remove or replace a file other than its `places`."""
        return False

    def open(self, options: SinkOptions) -> Sink:
        """Open the sink; nothing is written before the first frame.

        Args:
            options: what is known of the frames; these settings are put over it.

        Raises:
            SinkError: it cannot be opened.
        """
        raise NotImplementedError

    def over(self, options: SinkOptions) -> SinkOptions:
        """The options with these settings put over them."""
        names = {field.name for field in fields(SinkOptions)} & set(self.common_options())
        given = {name: getattr(self, name) for name in names if getattr(self, name) != COMMON[name]}
        return replace(options, **given)

    @classmethod
    def _sentence(cls, error: ValidationError) -> str:
        problem = error.errors(include_url=False)[0]
        if problem["type"] == "value_error":
            return str(problem["ctx"]["error"])
        key = str(problem["loc"][0])
        return (
            f"{key} must be {_allowed(cls, key)}, got {shown(problem['input'], may_hold_secret(cls, (key,)))}"
        )


def _allowed(model: type[Settings], key: str) -> str:
    """The values that a field takes, as text."""
    field = model.model_fields[key]
    if get_origin(field.annotation) is Literal:
        words = get_args(field.annotation)
        return " or ".join(words) if len(words) == 2 else f"one of {', '.join(words)}"
    if field.annotation is bool:
        return "1 or 0"
    low = next((limit.ge for limit in field.metadata if isinstance(limit, annotated_types.Ge)), None)
    high = next((limit.le for limit in field.metadata if isinstance(limit, annotated_types.Le)), None)
    number = "a whole number" if field.annotation is int else "a number"
    if low is None or high is None:
        return number if field.annotation in (int, float) else field.description or "another value"
    return f"{number} from {low:g} to {high:g}"


def given_options(output: OutputSettings) -> dict[str, Any]:
    """The options of an output that are not at their defaults."""
    return {key: getattr(output, key) for key, default in COMMON.items() if getattr(output, key) != default}


def name_folder(uri: str, example: str) -> str:
    """Refuse a URI without a path.

    Raises:
        ValueError: there is none.
    """
    if not parse_uri(uri).path:
        raise ValueError(f"{mask(uri)} names no folder; write {example}")
    return uri
