"""The place of an output, which may hold what an earlier run wrote there, and nothing else."""

from __future__ import annotations

from pathlib import Path

from stream.errors import SinkError
from stream.sinks.images import check_foreign, is_own_name
from stream.sinks.video.settings import SIDECAR_SUFFIX
from stream.sinks.video.sidecar import check_sidecar

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov")


def check_replaceable(place: Path) -> None:
    """Refuse to replace what no run wrote; an output takes the whole place, also that of a folder.

    Args:
        place: of a video, its sidecar or a folder of pictures; need not exist.

    Raises:
        SinkError: names what is there.
    """
    if place.suffix.lower() == SIDECAR_SUFFIX:
        check_sidecar(place)
    elif place.suffix.lower() in VIDEO_SUFFIXES:
        if place.exists() and not place.is_file():
            raise SinkError(f"the output {place} is a folder or a device; name a file")
    elif place.is_dir():
        check_foreign(place)
        other = next((path.name for path in sorted(place.iterdir()) if not is_own_name(path.name)), None)
        if other is not None:
            raise SinkError(
                f"the output {place} holds {other}, which no run wrote and which would be lost; name another "
                "folder, or move it away"
            )
    elif place.exists() or place.is_symlink():
        raise SinkError(f"the output {place} is a file; name a folder")
