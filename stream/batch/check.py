"""Checks of rows before work starts: each by itself, and all together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from stream.batch.content import input_paths
from stream.batch.manifest import Row
from stream.batch.remote.staging import remote_inputs
from stream.batch.remote.store import remote_size
from stream.batch.weights import weights_sha256
from stream.config import RunSettings
from stream.errors import ConfigError, StorageError
from stream.registration.calibration import load_calibration
from stream.sinks import check_outputs
from stream.sources.live import is_live
from stream.uri import mask_text, parse_uri

# A row, the name of its output, and its settings.
Planned = tuple[Row, str, RunSettings]


def check_row(settings: RunSettings, staging_gb: float) -> None:
    """Refuse a row whose files are not there, or do not go together.

    Raises:
        GifnetError: says what is wrong.
    """
    for side, source in (("visible", settings.visible), ("thermal", settings.thermal)):
        if is_live(source.uri):
            raise ConfigError(f"{side}: a batch takes recordings, {mask_text(source.uri)} is live")
    for what, path in input_paths(settings).items():
        if not path.exists():
            raise ConfigError(f"{what}: there is no {path}")
        if not os.access(path, os.R_OK):
            raise ConfigError(f"{what}: {path} may not be read")
    _check_remote(settings, staging_gb)
    if settings.registration.file:
        _calibration(settings.registration.file)
    weights_sha256(settings.fusion)
    check_outputs(settings)


def _check_remote(settings: RunSettings, staging_gb: float) -> None:
    total = 0
    for side, url in remote_inputs(settings).items():
        size = remote_size(url)
        if not size:
            raise StorageError(f"{side}: there is no {url}, or nothing in it; folders end in /")
        total += size
    if total > staging_gb * 1e9:
        raise ConfigError(
            f"its inputs have {total / 1e9:.2f} GB, and {staging_gb:g} GB of this disk are for inputs from "
            "object storage; allow more by --staging-gb"
        )


@cache
def _calibration(path: Path) -> None:
    load_calibration(path)


def check_together(planned: Sequence[Planned], upload: str, problems: dict[str, list[str]]) -> None:
    """Note outputs that are named twice, and outputs that are or lie in another row's input."""
    places: dict[Path, str] = {}
    inputs: dict[Path, str] = {}
    if upload:
        _check_uploads(planned, upload, problems)
    for row, _, settings in planned:
        for path in input_paths(settings).values():
            inputs.setdefault(path.resolve(), row.place)
    for row, name, settings in planned:
        for path in written(settings):
            first = places.setdefault(path, row.place)
            if first != row.place:
                problems[row.place].append(f"output: {name} is written by {first} too; give each row its own")
                break
            hit = next((each for each in (path, *path.parents) if each in inputs), None)
            if hit:
                problems[row.place].append(f"output: {name} is, or lies in, {hit}, an input of {inputs[hit]}")
                break


def _check_uploads(planned: Sequence[Planned], upload: str, problems: dict[str, list[str]]) -> None:
    """Note outputs that would be uploaded to an input, or into one that is a folder."""
    inputs = {url: row.place for row, _, settings in planned for url in remote_inputs(settings).values()}
    for row, name, _ in planned:
        parts = f"{upload.rstrip('/')}/{name}".split("/")
        above = ["/".join(parts[:count]) + "/" for count in range(1, len(parts) + 1)]
        source = next((url for url in (*above, "/".join(parts)) if url in inputs), None)
        if source:
            problems[row.place].append(
                f"output: {name} is, or lies in, {source}, an input of {inputs[source]}"
            )


def written(settings: RunSettings) -> Iterator[Path]:
    """The files and folders that a row writes, links followed."""
    path = Path(parse_uri(settings.outputs[0].uri).path)
    yield path.resolve()
    if settings.outputs[0].sidecar:
        yield path.with_suffix(".jsonl").resolve()
