"""Video tracks of a file: described as text, and found by number, language or title."""

from __future__ import annotations

import logging
from typing import Any

from stream.errors import SourceError

_log = logging.getLogger(__name__)

_UNKNOWN_LANGUAGES = (None, "", "und")


def describe_track(number: int, stream: Any) -> str:
    """A track as text, as in `track 1 (ffv1, 640x512, gray16le, deu)`."""
    context = stream.codec_context
    facts = ["unknown codec"]
    if context is not None:
        facts = [context.name, f"{context.width}x{context.height}", str(context.pix_fmt)]
    facts += [
        text for text in (stream.language, stream.metadata.get("title")) if text not in _UNKNOWN_LANGUAGES
    ]
    return f"track {number} ({', '.join(facts)})"


def tracks_in_words(streams: list[Any], taken: Any, track: str | None, name: str) -> tuple[str, ...]:
    """All tracks of a file as text; if there are several and none was named, with the one that is used.

    Args:
        streams: those of moving pictures, in the order of the file.
        taken: one of them.
        track: as the user named it, or None.
        name: of the file, for messages.
    """
    words = tuple(describe_track(number, each) for number, each in enumerate(streams))
    if len(words) > 1 and track is None:
        number = streams.index(taken)
        other = 1 if number == 0 else 0
        text = "%s holds %s; track %d is taken, name another as in %s?track=%d"
        _log.warning(text, name, ", ".join(words), number, name, other)
    return words


def find_track(streams: list[Any], name: str, track: str) -> Any:
    """The stream that a number, language or title names.

    Args:
        streams: those of moving pictures, in the order of the file.
        name: of the file, for messages.
        track: as the user named it.

    Raises:
        SourceError: there is none, or more than one.
    """
    wanted = track.strip().casefold()
    if wanted.isdecimal() and int(wanted) < len(streams):
        return streams[int(wanted)]
    found = [each for each in streams if wanted in _names(each)]
    if len(found) == 1:
        return found[0]
    what = "no" if not found else "more than one"
    tracks = ", ".join(describe_track(number, each) for number, each in enumerate(streams))
    raise SourceError(f"{name} has {what} video track {track}; it has {tracks}")


def _names(stream: Any) -> set[str]:
    names = (stream.language, stream.metadata.get("language"), stream.metadata.get("title"))
    return {name.casefold() for name in names if name not in _UNKNOWN_LANGUAGES}
