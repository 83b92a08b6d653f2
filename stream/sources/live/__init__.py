"""Live sources: one connection to a camera; who connects anew is `stream.camera`."""

from __future__ import annotations

from collections.abc import Callable

from stream.clock import Clock
from stream.config import InputSettings
from stream.errors import RefusedError
from stream.sources.base import Source
from stream.sources.live import address
from stream.sources.live.iterable import IterableSource
from stream.sources.live.libav import LibavSource
from stream.sources.reader import Role
from stream.uri import parse_uri

Wait = Callable[[float], bool]

SCHEMES = (*address.SCHEMES, "python", "live", "chaos")


def is_live(uri: str) -> bool:
    """Whether a path or URI names something that is lost if nobody reads."""
    return parse_uri(uri).scheme in SCHEMES


def open_live(settings: InputSettings, role: Role, clock: Clock, wait: Wait) -> Source:
    """Open one connection.

    Args:
        settings: of the input; the URI's scheme is one of `SCHEMES`.
        role: `visible` gives `rgb24` frames, `thermal` gives `gray8` or `gray16le`.
        clock: for arrival.
        wait: waits so many seconds; True when the source is to end.

    Raises:
        RefusedError: it will not open however often one tries.
        SourceError: it does not open now.
    """
    uri = parse_uri(settings.uri)
    if settings.decoder == "cuda":
        raise RefusedError(f"{uri}: live streams are decoded by the CPU; take --{role}-decoder auto or cpu")
    match uri.scheme:
        case "python":
            return IterableSource(settings, uri, role, clock)
        case _:
            return LibavSource(settings, uri, role, clock)
