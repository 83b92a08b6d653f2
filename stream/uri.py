"""Paths and URIs of sources and sinks: take them apart, and show them without their passwords."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Options behind a plain path: names in small letters, each with a value, to its very end.
_OPTIONS = re.compile(r"(?<=.)\?(?P<options>[a-z][a-z0-9_]*=[^?&/\\]*(?:&[a-z][a-z0-9_]*=[^?&/\\]*)*)$")
_USER = re.compile(r"(?P<user>://[^/@:\[?]*):(?P<password>.*)@")
_PORT_AND_PATH = re.compile(r"\d{1,5}(/|$)")
_SECRET = re.compile(r"([?&#][^=&#]*(?:pass|pwd|secret|token|key|auth)[^=&#]*=)[^&#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Uri:
    """A path or URI in parts.

    Attributes:
        text: as the user gave it; show it through `mask` only.
        scheme: in lower case, without `://`; empty for a plain path.
        path: what follows the scheme, up to the options; percent signs decoded where a scheme is given.
        options: what follows the `?` of a URI, or of a plain path if it is `name=value`; any other `?` of a
            plain path is part of its name.
    """

    text: str
    scheme: str
    path: str
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return mask(self.text)


def parse_uri(text: str) -> Uri:
    r"""Take a path or `scheme://path?key=value&...` apart.

    Only letters, digits, `+`, `.` and `-` before `://` make a scheme, so `C:\clip.mp4`, `12:30:00.mp4` and
    `frames/*.png` are plain paths, taken as they are but for options at their end, `clip.mkv?track=1`.

    Args:
        text: path or URI. Of an option given twice the last one holds.

    Returns:
        Its parts.
    """
    match = _SCHEME.match(text)
    if not match:
        options = _OPTIONS.search(text)
        if not options:
            return Uri(text, "", text)
        return Uri(text, "", text[: options.start()], _options(options["options"]))
    path, _, query = text[match.end() :].partition("?")
    return Uri(text, match[1].lower(), unquote(path), _options(query))


def _options(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


def mask(uri: str) -> str:
    """Hide what is secret in a path or URI, for messages.

    The password of `user:password@host` becomes `***`, also where it holds `@` or `/`, and so does the value
    of every option whose name speaks of a password, token or key. Plain paths come back as they are.
    """
    match = _SCHEME.match(uri)
    if not match:
        return uri
    schedule, mark, inner = uri[match.end() :].partition("!")
    # A camera before the '!' is a mistake, and the '!' may then be part of its password.
    if match[1].lower() == "chaos" and mark and "://" not in schedule:
        return f"{match[0]}{schedule}!{mask(inner)}"
    return _SECRET.sub(r"\1***", _USER.sub(_hide, uri))


def _hide(match: re.Match[str]) -> str:
    # host:554/street@north has a port and a path, not a password.
    if _PORT_AND_PATH.match(match["password"]) and "/" in match["password"]:
        return match[0]
    return f"{match['user']}:***@"
