"""Paths and URIs of sources and sinks: take them apart, and show them without their passwords."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Options behind a plain path: names in small letters, each with a value, to its very end.
_OPTIONS = re.compile(r"(?<=.)\?(?P<options>[a-z][a-z0-9_]*=[^?&/\\]*(?:&[a-z][a-z0-9_]*=[^?&/\\]*)*)$")
# A user and password before something like a host: a URI whose scheme was forgotten or misspelt.
_FORGOTTEN_SCHEME = re.compile(
    r"^(\s*(?:[A-Za-z]+:/)?[^/@:]+):(.*)@(?=[^/@]+[:/]|\d+(?:\.\d+){3}$)", re.DOTALL
)
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]*\]|[^:@\[\]]*)(:\d{1,5})?")
_SECRET_NAME = re.compile(
    r"pass|pwd|pw\b|psw|psk|secret|token|key|auth|sig|code(?!c)|cred|jwt|sess|sid\b|pin\b|otp|hash|ticket"
    r"|hdn|streamid",
    re.IGNORECASE,
)
# Signs that mean nothing in a user name or password of a URI; libav keeps 127 characters of both together.
_UNTOUCHED = "!$&'()*+,;=~"
_ENCODED = re.compile(r"(%[0-9A-Fa-f]{2})")
# Letters with digits, as no word is written: the value of an option that is a secret under any name.
_TOKEN_LENGTH = 20
_OPAQUE = re.compile(rf"^(?=.*\d)(?=.*[A-Za-z])[\w%+/=.~-]{{{_TOKEN_LENGTH},}}$")
# The part of an RTMP path after the application's name.
_STREAM_KEY = re.compile(r"^([^/]*/+[^/]+)/.+", re.DOTALL)
# To the next blank; where user:password waits for its '@', up to that.
_URI_IN_TEXT = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:/{1,2}(?:[^\s/@:]*:(?!\d{1,5}(?:[/\s]|$))[^@\n]*@(?:[^\s@]*@)*)?[^\s'\"<>]*"
)


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
    """Mask secrets in a path or URI, for messages.

    Hidden are the password of `user:password@host`, also where it holds `@` or `/`; a user name that stands
    alone or is long enough to be a token; the values of options whose name speaks of a secret or that look
    like one; and the stream key of RTMP. Where there are two ways to read it, more is hidden, not less.
    Plain paths come back as they are, unless they look like a URI whose scheme was forgotten.
    """
    match = _SCHEME.search(uri)
    if not match:
        return _FORGOTTEN_SCHEME.sub(r"\1:***@", uri)
    head, rest = uri[: match.end()], uri[match.end() :]
    schedule, mark, inner = rest.partition("!")
    # A camera before the '!' is a mistake, and the '!' may then be part of its password.
    if match[1].lower() == "chaos" and mark and "://" not in schedule:
        return f"{head}{schedule}!{mask(inner)}"
    if _SCHEME.match(rest):
        return head + mask(rest)
    user, place = _without_user(rest)
    if match[1].lower().startswith("rtmp"):
        place = _STREAM_KEY.sub(r"\1/***", place)
    return head + user + _without_values(place)


def mask_text(text: str) -> str:
    """Mask secrets in the URIs of a text, such as a message of a library."""
    return _URI_IN_TEXT.sub(lambda match: mask(match[0]), text)


def with_credentials(uri: str, user: str | None = None, password: str | None = None) -> str:
    """A URI as libraries understand it: its user name and password percent-encoded where they must be.

    Args:
        uri: with or without `user:password@`, whose signs may be written as they are, also `@`, `/` and `%`.
        user: in place of the one in the URI.
        password: in place of the one in the URI, taken as it is.
    """
    match = _SCHEME.match(uri)
    if not match:
        return uri
    rest = uri[match.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    # admin:p/ss@host has no host before its first slash.
    is_host = "@" not in authority and _HOST_PORT.fullmatch(authority)
    whole = "" if is_host else (authority if "@" in authority else rest).rpartition("@")[0]
    place = rest[len(whole) + 1 :] if whole else rest
    old_user, _, old_password = whole.partition(":")
    name = _encoded(old_user) if user is None else quote(user, safe=_UNTOUCHED)
    secret = _encoded(old_password) if password is None else quote(password, safe=_UNTOUCHED)
    if not name and not secret:
        return uri
    return f"{match[0]}{name}:{secret}@{place}" if secret else f"{match[0]}{name}@{place}"


def _encoded(part: str) -> str:
    """Part of a URI with all encoded that is not; what looks encoded already is left so."""
    return "".join(
        piece if _ENCODED.fullmatch(piece) else quote(piece, safe=_UNTOUCHED)
        for piece in _ENCODED.split(part)
    )


def _without_user(rest: str) -> tuple[str, str]:
    """User before a host as it may be shown, with its `@`; and what follows it."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    whole, mark, place = rest.rpartition("@")
    if not mark:
        return "", rest
    if "@" not in authority:
        # host:554/street@north has a port and a path, and no password; admin:12/34@10.0.0.5 may have one.
        is_host = ":" not in whole or "[" in authority or not re.search(r"[/.:]", place)
        if is_host and _HOST_PORT.fullmatch(authority):
            return "", rest
    alone = authority.rpartition("@")[0]
    if ":" not in whole and "@" in authority:
        return "***@" if alone else "@", rest[len(alone) + 1 :]
    user, _, password = whole.partition(":")
    # The user name may be a token, or the beginning of a password.
    if password in ("", "x-oauth-basic") or len(user) >= _TOKEN_LENGTH or ":" not in (alone or user + ":"):
        user = "***"
    return f"{user}:***@", place


def _without_values(place: str) -> str:
    """A host and path with the secret values of its options hidden."""
    path, *parts = re.split(r"([?&#;])", place)
    shown, secret = [path], False
    for mark, part in zip(parts[::2], parts[1::2], strict=True):
        name, equals, value = part.partition("=")
        if equals:
            secret = bool(_SECRET_NAME.search(unquote(name))) or bool(_OPAQUE.search(value))
            part = f"{name}=***" if secret else part
        # A value that holds a separator goes on here.
        elif part and (secret or _OPAQUE.search(part)):
            part = "***"
        shown += [mark, part]
    return "".join(shown)
