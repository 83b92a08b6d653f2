"""The part of a file that an input is: a video track, and a crop of its pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stream.config import FuseSettings, InputSettings
from stream.config.crop import parse_crop
from stream.errors import SourceError
from stream.sources.base import SourceInfo
from stream.uri import Uri, parse_uri

OPTIONS = ("track", "crop")
_SCHEMES = ("", "file", "images", "thermal", "flir")


def take_part(settings: InputSettings, uri: Uri) -> tuple[InputSettings, Uri]:
    """Move `?track=` and `?crop=` of a file's path from its URI to its settings, over what these say.

    Returns:
        The settings, and the URI without the two.

    Raises:
        SourceError: a crop is none.
    """
    given = {key: uri.options[key] for key in OPTIONS if key in uri.options and uri.scheme in _SCHEMES}
    if not given:
        return settings, uri
    if "crop" in given:
        try:
            parse_crop(given["crop"])
        except ValueError as error:
            raise SourceError(f"{uri}: {error}") from None
    rest = {key: value for key, value in uri.options.items() if key not in given}
    return settings.model_copy(update=given), replace(uri, options=rest)


def same_pictures(settings: FuseSettings, visible: SourceInfo, thermal: SourceInfo) -> str:
    """A sentence where both inputs are the same pictures of one video file; else empty.

    Raises:
        SourceError: there are other tracks in it, one of which must be meant.
    """
    both = [_identity(each) for each in (settings.visible, settings.thermal)]
    if not (visible.tracks and thermal.tracks) or both[0] != both[1]:
        return ""
    path = both[0][0]
    if len(visible.tracks) > 1:
        raise SourceError(
            f"visible and thermal are the same track of {path}, which holds {' and '.join(visible.tracks)}; "
            f"name one for each, as in {path}?track=0 and {path}?track=1"
        )
    return (
        f"visible and thermal are the same pictures of {path}; where both cameras are in one picture, name "
        f"their parts, as in {path}?crop=left and {path}?crop=right"
    )


def _identity(settings: InputSettings) -> tuple[Path, str, str | None]:
    settings, uri = take_part(settings, parse_uri(settings.uri))
    return Path(uri.path).resolve(), settings.track or "0", settings.crop
