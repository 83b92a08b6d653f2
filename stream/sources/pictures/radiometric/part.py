"""The part of FLIR's files that is read: `flir://X.jpg?part=visible`."""

from __future__ import annotations

from stream.errors import SourceError
from stream.frame import Side
from stream.uri import Uri

PARTS = ("visible", "thermal", "picture")
PART_OPTIONS = {"flir": {"part"}}


def flir_part(uri: Uri, role: Side) -> str:
    """The part that a `flir://` names, else that of the role; empty for other schemes.

    Raises:
        SourceError: it is none, or the one of the other camera.
    """
    if uri.scheme != "flir":
        return ""
    part = uri.options.get("part", role)
    if part not in PARTS:
        raise SourceError(f"{uri}: part must be {', '.join(PARTS)}, got {part!r}")
    if part not in (role, "picture"):
        raise SourceError(
            f"{uri}: part={part} is not a part for the {role} side; visible comes first, thermal second"
        )
    return part
