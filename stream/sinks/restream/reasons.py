"""Reasons why frames cannot be forwarded, as text."""

from __future__ import annotations

import errno

import av

_REMEDIES = {
    errno.ECONNREFUSED: "nothing listens there; check host and port, and that the server runs",
    errno.EHOSTUNREACH: "the host cannot be reached; check the network and the address",
    errno.ENETUNREACH: "the network cannot be reached; check cable and address",
    errno.ETIMEDOUT: "no answer in time; check the address, and that the server runs",
    errno.EPIPE: "the server closed the connection",
    errno.ECONNRESET: "the server closed the connection",
    errno.ENOSPC: "the disk is full; make room",
    errno.EACCES: "no permission to write there; name another folder",
    errno.ENOENT: "the folder is gone; make it again",
    errno.ENOTDIR: "the folder is gone; make it again",
}


def is_refusal(error: Exception) -> bool:
    """True when the server does not take the user name or password."""
    return isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError)


def why(error: Exception, at_once: bool = True) -> str:
    """One phrase without any URL, and so without passwords.

    Args:
        error: that PyAV or the system raised.
        at_once: False when it took so long that the server may have stopped answering half way.
    """
    if is_refusal(error):
        return "the server refuses the user name or password; check them in the URL"
    if isinstance(error, av.error.HTTPNotFoundError):
        return "the server knows no such path; check the path of the URL"
    number = getattr(error, "errno", None)
    if number in _REMEDIES:
        return _REMEDIES[number]
    if isinstance(error, av.error.InvalidDataError) and not at_once:
        return _REMEDIES[errno.ETIMEDOUT]
    if isinstance(error, av.error.InvalidDataError):
        return "what answers there is no such server; check scheme, port and path of the URL"
    text = getattr(error, "strerror", None)
    return f"it cannot be written to ({text or type(error).__name__}); check the address"
