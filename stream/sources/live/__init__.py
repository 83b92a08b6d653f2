"""Live sources: one connection to a camera; reconnecting is done by `stream.live.reconnect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av

from stream.config import InputSettings, LiveSettings
from stream.errors import RefusedError, SourceError
from stream.frame import Side
from stream.runtime.clock import Clock
from stream.sources.base import Source
from stream.sources.chaos.schedule import parse_schedule, split
from stream.sources.chaos.source import ChaosSource, begun_s
from stream.sources.crop_rows import without_rows
from stream.sources.live import address
from stream.sources.live.hardware import LiveHardware
from stream.sources.live.iterable import IterableSource
from stream.sources.live.libav import LibavSource
from stream.sources.live.paced import PacedSource
from stream.sources.live.start_barrier import StartBarrier, Wait
from stream.uri import Uri, parse_uri

if TYPE_CHECKING:
    import torch

MOTION_JPEG = "mjpeg"
WRAPPERS = ("live", "loop", "chaos")
# Settings used where none are given.
_USUAL = LiveSettings()
SCHEMES = (*address.SCHEMES, "python", *WRAPPERS)


def is_live(uri: str) -> bool:
    """True when a path or URI names a live source, whose frames are lost if they are not read."""
    return parse_uri(uri).scheme in SCHEMES


def is_played(uri: str) -> bool:
    """True when a live URI names a recording that is played like a camera."""
    scheme = parse_uri(uri).scheme
    if scheme != "chaos":
        return scheme in ("live", "loop")
    inner = uri.partition("!")[2]
    return bool(inner) and (is_played(inner) or not is_live(inner))


def open_live(
    settings: InputSettings,
    role: Side,
    clock: Clock,
    wait: Wait,
    together: StartBarrier | None = None,
    live: LiveSettings = _USUAL,
    device: torch.device | None = None,
) -> Source:
    """Open one connection.

    Args:
        settings: of the input; the URI's scheme is one of `SCHEMES`.
        role: `visible` gives `rgb24` frames, `thermal` gives `gray8` or `gray16le`.
        clock: for arrival.
        wait: waits a number of seconds; True when the source is to end.
        together: with which others a recording begins that is played.
        live: what becomes of damaged pictures.
        device: where the network runs; frames of video are decoded there if possible. None for the CPU.

    Raises:
        RefusedError: it will not open however often one tries.
        SourceError: it does not open now.
    """
    uri = parse_uri(settings.uri)
    match uri.scheme:
        case "live" | "loop":
            inner = settings.model_copy(update={"uri": settings.uri.split("://", 1)[1]})
            rounds = uri.scheme == "loop"
            return PacedSource(lambda: _open_recorded(inner, role, device), clock, wait, rounds, together)
        case "chaos":
            schedule, inner_uri = split(settings.uri)
            inner = settings.model_copy(update={"uri": inner_uri})
            return ChaosSource(
                lambda: _open_any(inner, role, clock, wait, together, live, device),
                parse_schedule(schedule),
                begun_s(settings.uri, clock),
                clock,
            )
        case "python":
            if settings.decoder == "cuda":
                raise RefusedError(
                    f"{uri} holds no video that NVDEC decodes; take --{role}-decoder auto or cpu"
                )
            return without_rows(IterableSource(settings, uri, role, clock), settings)
        case _:
            return without_rows(_connect(settings, uri, role, clock, wait, live, device), settings)


def _connect(
    settings: InputSettings,
    uri: Uri,
    role: Side,
    clock: Clock,
    wait: Wait,
    live: LiveSettings,
    device: torch.device | None,
) -> Source:
    """A connection by libav; by HTTP a second one, where the first is of parts that it does not understand.

    Cameras send motion JPEG without a first boundary, with boundaries inside of pictures, or without any. The
    plain sequence of pictures, which begin and end with marks of their own, is found in all of them; each
    picture then waits for the beginning of the next one.
    """
    try:
        return LibavSource(settings, uri, role, clock, wait, live, hardware=LiveHardware(device))
    except SourceError as error:
        if uri.scheme not in ("http", "https") or not isinstance(
            error.__context__, av.error.InvalidDataError
        ):
            raise
        try:
            return LibavSource(settings, uri, role, clock, wait, live, form=MOTION_JPEG)
        except SourceError:
            raise error from None


def _open_recorded(settings: InputSettings, role: Side, device: torch.device | None) -> Source:
    """A recording to be played; its errors are permanent."""
    from stream.sources import open_source

    if is_live(settings.uri):
        raise RefusedError(f"{parse_uri(settings.uri)} is live already; give it as it is")
    try:
        return open_source(settings, role, device)
    except SourceError as error:
        raise RefusedError(str(error)) from None


def _open_any(
    settings: InputSettings,
    role: Side,
    clock: Clock,
    wait: Wait,
    together: StartBarrier | None,
    live: LiveSettings,
    device: torch.device | None,
) -> Source:
    if is_live(settings.uri):
        return open_live(settings, role, clock, wait, together, live, device)
    return PacedSource(lambda: _open_recorded(settings, role, device), clock, wait, together=together)
