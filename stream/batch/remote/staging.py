"""Local copies of inputs in object storage, for as long as their row is worked on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from stream.batch.remote.store import download, is_remote
from stream.config import RunSettings
from stream.files.atomic_write import write_atomic

STAGING = ".batch/staging"
"""Folder of local copies in that of the batch."""


def remote_inputs(settings: RunSettings) -> dict[str, str]:
    """URLs of the inputs that lie in object storage, by side."""
    sides = {"visible": settings.visible.uri, "thermal": settings.thermal.uri}
    return {side: uri for side, uri in sides.items() if is_remote(uri)}


def staging_folder(name: str) -> str:
    """Folder of the local inputs of an output, relative to that of the batch."""
    return f"{STAGING}/{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def stage(url: str, side: str, signs: str, folder: Path) -> Path:
    """A local copy of an input, made unless it is there.

    Args:
        url: of the input.
        side: `visible` or `thermal`.
        signs: of its content in the storage.
        folder: of the row's copies.

    Raises:
        StorageError: it cannot be read.
        SourceError: a key leads out of the folder.
        OSError: the disk is full.
    """
    note, path = folder / f"{side}.json", folder / side / Path(url.rstrip("/")).name
    if not note.exists() or json.loads(note.read_text(encoding="utf-8")) != [url, signs]:
        download(url, path)
        write_atomic(note, json.dumps([url, signs]))
    return path


def with_local_inputs(settings: RunSettings, copies: dict[str, Path]) -> RunSettings:
    """The settings with copies in place of inputs in object storage, by side."""
    sides = {"visible": settings.visible, "thermal": settings.thermal}
    return settings.model_copy(
        update={side: sides[side].model_copy(update={"uri": str(path)}) for side, path in copies.items()}
    )
