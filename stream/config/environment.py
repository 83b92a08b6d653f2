"""Values from the environment: `${NAME}` in a configuration file, and the passwords of cameras."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from stream.config.inputs import takes_password
from stream.config.yaml_file import load_yaml
from stream.errors import ConfigError

_VARIABLE = re.compile(r"\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# Settings of cameras that may come from GIFNET_VISIBLE_USER and the like.
_CREDENTIALS = ("user", "password")


def load_config(path: Path) -> dict[str, Any]:
    """A configuration file, with `${NAME}` in its texts replaced by the environment variable of that name.

    `$${NAME}` stands for `${NAME}` itself. The value of a variable is text, with any characters.

    Raises:
        ConfigError: the file cannot be read, or a variable is not set.
    """
    values = load_yaml(path)
    return {key: _expanded(value, str(key), path) for key, value in values.items()}


def _expanded(value: Any, place: str, path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _expanded(item, f"{place}.{key}", path) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, f"{place}.{number}", path) for number, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return match[0][1:]
        if match[1] not in os.environ:
            raise ConfigError(
                f"{path}: {place} needs the environment variable {match[1]}, which is not set; set it, "
                f"or write $${{{match[1]}}} for the text itself"
            )
        return os.environ[match[1]]

    return _VARIABLE.sub(replaced, value)


def with_passwords(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the users and passwords that they leave out, from GIFNET_VISIBLE_PASSWORD and the like.

    Args:
        values: nested, not yet checked; left as they are.
    """
    filled = deepcopy(dict(values))
    for side in ("visible", "thermal"):
        section = filled.get(side)
        if not isinstance(section, dict) or not takes_password(str(section.get("uri", ""))):
            continue
        for key in _CREDENTIALS:
            given = os.environ.get(f"GIFNET_{side}_{key}".upper())
            if given:
                section.setdefault(key, given)
    return filled
