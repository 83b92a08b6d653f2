"""From rows to jobs: everything that can be checked before work starts, and all that is wrong at once."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from stream.batch.check import check_row, check_together, written
from stream.batch.compare import is_untouched
from stream.batch.content import input_paths, size_of
from stream.batch.job import Job, Record
from stream.batch.manifest import Row
from stream.batch.place import VIDEO_SUFFIXES, check_replaceable
from stream.batch.remote.staging import remote_inputs
from stream.batch.remote.store import check_folder, forget, remote_size
from stream.batch.weights import weights_sha256
from stream.config import RunSettings, validate
from stream.config.batch import BatchSettings
from stream.config.environment import load_config
from stream.config.merge import overlay
from stream.errors import ConfigError, GifnetError
from stream.monitoring.report import versions
from stream.uri import mask_text, parse_uri

# Sections of a configuration that are for one live run.
_ALONE = ("preview", "metrics", "control", "pair", "report", "duration_s", "takeover")


@dataclass(slots=True)
class Plan:
    """The work of a batch.

    Attributes:
        jobs: rows to be done, in the order of the manifest.
        done: names of outputs that are there already, by their signs.
    """

    jobs: list[Job] = field(default_factory=list)
    done: list[str] = field(default_factory=list)


def plan_batch(
    rows: Sequence[Row],
    folder: Path,
    common: Mapping[str, Any],
    config: Path | None,
    earlier: Mapping[str, Record],
    batch: BatchSettings | None = None,
) -> Plan:
    """Check all rows, and find out which are to be done.

    Args:
        rows: of the manifest.
        folder: of the outputs; need not exist.
        common: settings by name for all rows; a row's own win.
        config: configuration file for all rows; a row's own file replaces it.
        earlier: records of what was done before.
        batch: parts of long recordings, and where outputs go; None for the defaults.

    Raises:
        ConfigError: lists everything that is wrong, a line for each row.
        StorageError: outputs cannot be uploaded to where they should.
    """
    folder, batch = folder.absolute(), batch or BatchSettings()
    forget()
    if batch.upload is not None:
        check_folder(batch.upload)
    problems: dict[str, list[str]] = defaultdict(list)
    planned: list[tuple[Row, str, RunSettings, dict[str, Any]]] = []
    for row in rows:
        problems[row.place] += row.problems
        if row.problems:
            continue
        try:
            name = output_name(row.values)
            values = _values(row, folder / name, common, config)
            settings = validate(RunSettings, values, "its settings")
            check_row(settings, batch.staging_gb)
            if batch.upload is None:
                for path in written(settings):
                    check_replaceable(path)
            planned.append((row, name, settings, values))
        except GifnetError as error:
            problems[row.place].append(mask_text(str(error)))
    check_together([each[:3] for each in planned], batch.upload or "", problems)
    wrong = [f"  {place}: {'; '.join(all_of)}" for place, all_of in problems.items() if all_of]
    if wrong:
        count = f"{len(wrong)} of {len(rows)} rows {'is' if len(wrong) == 1 else 'are'} wrong"
        raise ConfigError("\n".join([f"{count}, and nothing was started:", *wrong]))
    plan = Plan()
    for row, name, settings, values in planned:
        job = _job(row, name, folder, settings, values, earlier.get(name))
        job = replace(job, cut_s=batch.cut, upload=batch.upload or "")
        if is_untouched(job, settings):
            plan.done.append(name)
        else:
            plan.jobs.append(job)
    return plan


def output_name(values: Mapping[str, Any]) -> str:
    """Name of a row's output relative to the folder of the batch, checked.

    Raises:
        ConfigError: it leaves the folder, or is neither a video file nor a folder.
    """
    parts = parse_uri(str(values.get("visible", "")))
    name = str(values.get("output") or f"{Path(parts.path).stem or 'fused'}.mp4")
    path = Path(os.path.normpath(name))
    if "://" in name or path.is_absolute() or ".." in path.parts or str(path) == ".":
        raise ConfigError(f"output: it must be a name inside the folder of the batch, got {name}")
    if path.parts[0].startswith(".batch") or str(path) == "results.jsonl":
        raise ConfigError(f"output: {name} is kept for the batch itself; take another name")
    if name.endswith("/"):
        return str(path)
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        kinds = ", ".join(VIDEO_SUFFIXES)
        raise ConfigError(f"output: it must end in {kinds}, or in / for a folder of pictures, got {name}")
    return str(path)


def _values(row: Row, output: Path, common: Mapping[str, Any], config: Path | None) -> dict[str, Any]:
    """Nested settings of a row: its own over those of all rows over the file."""
    named = {**common, **{key: value for key, value in row.values.items() if key not in ("output", "config")}}
    file = Path(row.values["config"]) if "config" in row.values else config
    values = dict(_config(file)) if file else {}
    if alone := sorted(key for key in _ALONE if values.get(key)):
        raise ConfigError(
            f"{', '.join(alone)} of {file} {'is' if len(alone) == 1 else 'are'} for one run; leave out"
        )
    outputs = values.pop("outputs", None) or [{}]
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
        raise ConfigError(
            f"outputs of {file}: a batch writes one output a row, whose options may stand there"
        )
    uri = str(output) if output.suffix.lower() in VIDEO_SUFFIXES else f"images://{output}"
    values["outputs"] = [{**outputs[0], "uri": uri}]
    plain: dict[str, Any] = _plain(overlay(values, named))
    return plain


@cache
def _config(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = load_config(path)
    return values


def _plain(value: Any) -> Any:
    """The same with paths as texts, so that it can travel as JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _job(
    row: Row, name: str, folder: Path, settings: RunSettings, values: dict[str, Any], earlier: Record | None
) -> Job:
    paths = input_paths(settings)
    size = sum(size_of(paths[side]) for side in ("visible", "thermal") if side in paths)
    staged = sum(map(remote_size, remote_inputs(settings).values()))
    return Job(
        row.place,
        name,
        str(folder),
        values,
        weights_sha256(settings.fusion),
        versions()["gifnet-stream"],
        size + staged,
        earlier,
        staged_bytes=staged,
    )
