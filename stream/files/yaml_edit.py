"""Changes one number in a configuration file and leaves everything else, comments too, as it is."""

from __future__ import annotations

import re
import stat
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from stream.config import load_yaml
from stream.config.yaml_file import parse_yaml
from stream.errors import ConfigError
from stream.files.atomic_write import write_atomic


def write_number(path: Path, section: str, key: str, value: float) -> None:
    """Set `section.key` in a YAML file.

    Args:
        path: of the file.
        section: a top-level key.
        key: a key in it.
        value: the number.

    Raises:
        ConfigError: the file cannot be read or written, or is laid out in a way that cannot be edited.
    """
    wanted = deepcopy(load_yaml(path))
    wanted[section] = {**(wanted.get(section) or {}), key: value}
    text = _edited(path.read_text(encoding="utf-8"), section, key, f"{value:g}")
    if not _says(text, wanted):
        raise ConfigError(
            f"{path} is laid out in a way that is not edited; set {section}.{key}: {value:g} by hand"
        )
    # A link stays a link, and a file with a password in it stays as private as it was.
    path = path.resolve()
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        write_atomic(path, text, mode=0o600)
        path.chmod(mode)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def _says(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return bool(parse_yaml(text) == wanted)
    except yaml.YAMLError:
        return False


def _edited(text: str, section: str, key: str, value: str) -> str:
    head = re.search(rf"(?m)^{re.escape(section)}:[ \t]*(?P<rest>[^\n]*)\n?", text)
    if head is None:
        return (
            f"{text.rstrip()}\n\n{section}:\n  {key}: {value}\n"
            if text.strip()
            else f"{section}: {{{key}: {value}}}\n"
        )
    if head["rest"].startswith("{"):
        return text[: head.start("rest")] + _in_braces(text[head.start("rest") :], key, value)
    body_end = re.compile(r"(?m)^(?=[^\s#])").search(text, head.end())
    end = body_end.start() if body_end else len(text)
    body = text[head.end() : end]
    old = re.search(rf"(?m)^(?P<name>[ \t]+{re.escape(key)}:[ \t]*)[^\s#]+", body)
    if old:
        body = body[: old.start()] + old["name"] + value + body[old.end() :]
    else:
        indent = re.search(r"(?m)^([ \t]+)\S", body)
        body = f"{indent[1] if indent else '  '}{key}: {value}\n{body}"
    lead = text[: head.end()]
    return (lead if lead.endswith("\n") else lead + "\n") + body + text[end:]


def _in_braces(rest: str, key: str, value: str) -> str:
    close = rest.find("}")
    inside = rest[1:close]
    old = re.search(rf"(?P<name>\b{re.escape(key)}:\s*)[^,\s]+", inside)
    if old:
        inside = inside[: old.start()] + old["name"] + value + inside[old.end() :]
    else:
        inside = f"{key}: {value}, {inside}" if inside.strip() else f"{key}: {value}"
    return "{" + inside + rest[close:]
