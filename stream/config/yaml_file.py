"""YAML files: read with the safe loader, limited in size; every error is one sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from stream.config.shown import kind
from stream.errors import ConfigError

# A configuration has some hundred values; aliases of aliases can stand for billions.
MOST_VALUES = 100_000
# YAML is read at some hundred kilobytes a second; settings and calibrations have a few thousand bytes.
MOST_BYTES = 256 << 10

# In messages of the YAML reader: a quoted part of the file, longer than one character and not a <token kind>.
_QUOTED = re.compile(r"'(?!<[a-z ]+>'|\\)[^']{2,}'|\"[^\"]{2,}\"")


def load_yaml(path: Path, what: str = "configuration") -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Args:
        path: of the file.
        what: what to call it in messages.

    Raises:
        ConfigError: when the file cannot be read or is no mapping.
    """
    try:
        values = parse_yaml(_text(path, what))
    except OSError as error:
        raise ConfigError(f"the {what} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the {what} {path} is not a text file in UTF-8") from None
    except _TooLargeError as error:
        raise ConfigError(f"the {what} {path} {error}") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place else ""
        why = _without_values(" ".join(str(getattr(error, "problem", error)).split()))
        raise ConfigError(f"the {what} {path} is not YAML{line}: {why}") from None
    except Exception:
        # A date, number or nesting that YAML's own reader cannot hold, such as 2024-13-45 or !!int abc.
        raise ConfigError(f"the {what} {path} holds a date, number or nesting that cannot be read") from None
    if not isinstance(values, dict):
        raise ConfigError(f"the {what} {path} must be a mapping of settings, got {kind(values)}")
    return values


def parse_yaml(text: str) -> Any:
    """The values of a document.

    Raises:
        yaml.YAMLError: it is no YAML, or too large.
        Exception: errors of YAML's own reader at values that it cannot hold.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        # Before anything is built of it: merge keys alone can fill the memory.
        if _count(node, {}) > MOST_VALUES:
            raise _TooLargeError(f"has more than {MOST_VALUES} values once its aliases are followed")
        return loader.construct_document(node)
    finally:
        loader.dispose()


class _TooLargeError(yaml.YAMLError):
    """Its text ends a sentence that begins with the name of the file."""


def _text(path: Path, what: str) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise _TooLargeError(f"is larger than {MOST_BYTES >> 10} KiB, which no {what} is")
    return data.decode("utf-8")


def _count(node: yaml.Node, known: dict[int, int]) -> int:
    """Values below a node with its aliases followed; more than allowed for one that contains itself."""
    if id(node) not in known:
        known[id(node)] = MOST_VALUES + 1
        inner = node.value if isinstance(node, yaml.SequenceNode | yaml.MappingNode) else ()
        parts = [part for one in inner for part in (one if isinstance(one, tuple) else (one,))]
        known[id(node)] = 1 + sum(_count(part, known) for part in parts)
    return known[id(node)]


def _without_values(problem: str) -> str:
    """A message of the YAML reader without its quotes of the file, but for characters and token kinds."""
    told = _QUOTED.sub("'...'", problem)
    remedy = "; put texts that begin with * ! & % @ or ` in quotes" if told != problem else ""
    return told + remedy
