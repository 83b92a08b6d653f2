"""Errors of opening a live stream: one sentence each, and whether trying again can help."""

from __future__ import annotations

import errno
import socket
from urllib.parse import urlsplit

import av

from stream.errors import PasswordError, RefusedError, SourceError
from stream.uri import mask_text

_REMEDIES = {
    errno.ECONNREFUSED: "nothing listens there; check the port, and that the camera is on",
    errno.EHOSTUNREACH: "the host cannot be reached; check the network and the address",
    errno.ENETUNREACH: "the network cannot be reached; check cable and address",
    errno.ETIMEDOUT: "no answer in time; check the address, and that the camera is on",
    errno.ENOENT: "there is no such device; `ls /dev/video*` shows those that are there",
    errno.ENODEV: "there is no such device; `ls /dev/video*` shows those that are there",
    errno.EBUSY: "another program uses the camera; end it",
}


def explain_open(name: str, url: str, error: Exception, at_once: bool) -> SourceError:
    """The error to raise for what libav raised on opening.

    Args:
        name: of the stream, without its password.
        url: what libav was given.
        error: what was raised.
        at_once: False when it took so long that the camera may have stopped answering half way.

    Returns:
        A `RefusedError` where no repetition helps, else a `SourceError`.
    """
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return PasswordError(
            f"{name} refuses the user name or password; check them in the URL, or the settings user and "
            "password"
        )
    # A stream may be published later, and sessions of a client that crashed end by and by.
    if isinstance(error, av.error.HTTPNotFoundError):
        return SourceError(f"{name} is a server that knows no such stream (404); check the path of the URL")
    if isinstance(error, av.error.HTTPClientError):
        return SourceError(
            f"{name} refuses for now, as cameras do whose sessions are all taken (an answer of 400 to 499); "
            "if it stays so, check the URL and the transport"
        )
    if isinstance(error, PermissionError):
        return RefusedError(f"{name} cannot be opened: no permission; add the user to the group video")
    number = getattr(error, "errno", None)
    if number in _REMEDIES:
        return SourceError(f"{name}: {_REMEDIES[number]}")
    if isinstance(error, av.error.ExitError):
        return SourceError(f"{name}: {_REMEDIES[errno.ETIMEDOUT]}")
    if isinstance(error, av.error.InvalidDataError) or (number == errno.EIO and _resolves(url)):
        sentence = f"{name} sends nothing that is known as video; check scheme, port and path of the URL"
        return RefusedError(sentence) if at_once else SourceError(sentence)
    if isinstance(error, ValueError) or number == errno.EINVAL:
        return RefusedError(f"{name} is not understood ({_phrase(error)}); check the URL and its options")
    return SourceError(f"{name} cannot be reached ({_phrase(error)}); check the host name and the network")


def _phrase(error: Exception) -> str:
    """What libav or Python says, without the URL that they add."""
    return str(getattr(error, "strerror", None) or mask_text(str(error)))


def _resolves(url: str) -> bool:
    """True when the host of a URL resolves; libav reports an unknown host and an early end alike."""
    try:
        host = urlsplit(url).hostname
        return not host or bool(socket.getaddrinfo(host, None))
    except (OSError, ValueError):
        return False
