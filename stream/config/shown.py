"""Refused values as a message may show them: possible secrets are replaced by their kind."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from stream.config.base import Settings
from stream.config.option_names import section_of
from stream.uri import mask_text

LONGEST = 60

_KINDS: dict[type, str] = {dict: "a mapping", list: "a list", tuple: "a list", str: "a text", bytes: "bytes"}
# Fields whose text is an address, and so may hold a password.
_ADDRESSES = ("uri", "bind", "pair", "weights")


def shown(value: Any, may_be_secret: bool = False) -> str:
    """A value as text.

    Args:
        value: that was refused.
        may_be_secret: True to tell the kind of a text only.
    """
    if isinstance(value, str) and not may_be_secret:
        text = repr(mask_text(value))
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int):
        try:
            return repr(value)
        except ValueError:  # Python prints no integer of more than some thousand digits
            return f"an integer of {value.bit_length()} bits"
    return kind(value)


def kind(value: Any) -> str:
    """The kind of a value of YAML or JSON, as text."""
    return "nothing" if value is None else _KINDS.get(type(value), "a number or a date")


def may_hold_secret(model: type[Settings], place: tuple[str | int, ...]) -> bool:
    """True unless a place of the settings is a single value that is neither a secret nor an address.

    A section that was given as a text may be an address whose `uri:` was forgotten.
    """
    section: type[Settings] | None = model
    field = None
    for key in place:
        if isinstance(key, int):
            continue
        if section is None or key not in section.model_fields:
            return True
        field = section.model_fields[key]
        section = section_of(field)
    return (
        field is None
        or section is not None
        or place[-1] in _ADDRESSES
        or SecretStr.__name__ in str(field.annotation)
    )
