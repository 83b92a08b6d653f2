"""From rows to jobs: everything that can be checked before work starts, and all that is wrong at once."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from gifnet.weight_reading import checked_sha256
from stream.batch.compare import is_untouched
from stream.batch.content import input_paths, size_of
from stream.batch.job import Job, Record
from stream.batch.manifest import Row
from stream.batch.weights import weights_file
from stream.config import FusionSettings, RunSettings, validate
from stream.config.environment import load_config
from stream.config.merge import overlay
from stream.errors import ConfigError, GifnetError
from stream.monitoring.report import versions
from stream.registration.calibration import load_calibration
from stream.sinks import check_outputs
from stream.sources.live import is_live
from stream.uri import mask_text, parse_uri

SUFFIXES = (".mp4", ".mkv", ".mov")
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
    cut_s: float | None = None,
) -> Plan:
    """Check all rows, and find out which are to be done.

    Args:
        rows: of the manifest.
        folder: of the outputs; need not exist.
        common: settings by name for all rows; a row's own win.
        config: configuration file for all rows; a row's own file replaces it.
        earlier: records of what was done before.
        cut_s: seconds of the parts of long recordings; None fuses every recording whole.

    Raises:
        ConfigError: lists everything that is wrong, a line for each row.
    """
    folder = folder.absolute()
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
            _check(settings)
            planned.append((row, name, settings, values))
        except GifnetError as error:
            problems[row.place].append(mask_text(str(error)))
    _check_together(planned, problems)
    wrong = [f"  {place}: {'; '.join(all_of)}" for place, all_of in problems.items() if all_of]
    if wrong:
        count = f"{len(wrong)} of {len(rows)} rows {'is' if len(wrong) == 1 else 'are'} wrong"
        raise ConfigError("\n".join([f"{count}, and nothing was started:", *wrong]))
    plan = Plan()
    for row, name, settings, values in planned:
        job = replace(_job(row, name, folder, settings, values, earlier.get(name)), cut_s=cut_s)
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
    if path.suffix.lower() not in SUFFIXES:
        kinds = ", ".join(SUFFIXES)
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
    uri = str(output) if output.suffix.lower() in SUFFIXES else f"images://{output}"
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


def _check(settings: RunSettings) -> None:
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
    if settings.registration.file:
        _calibration(settings.registration.file)
    weights_sha256(settings.fusion)
    check_outputs(settings)


@cache
def _calibration(path: Path) -> None:
    load_calibration(path)


@cache
def weights_sha256(fusion: FusionSettings) -> str:
    """SHA-256 of the weights that recordings are fused with; empty for no network."""
    path = weights_file(fusion)
    return checked_sha256(path) if path else ""


def _check_together(
    planned: Sequence[tuple[Row, str, RunSettings, Any]], problems: dict[str, list[str]]
) -> None:
    """Note outputs that are named twice, and outputs that are or lie in another row's input."""
    places: dict[Path, str] = {}
    inputs: dict[Path, str] = {}
    for row, _, settings, _ in planned:
        for path in input_paths(settings).values():
            inputs.setdefault(path.resolve(), row.place)
    for row, name, settings, _ in planned:
        for path in _written(settings):
            first = places.setdefault(path, row.place)
            if first != row.place:
                problems[row.place].append(f"output: {name} is written by {first} too; give each row its own")
                break
            hit = next((each for each in (path, *path.parents) if each in inputs), None)
            if hit:
                problems[row.place].append(f"output: {name} is, or lies in, {hit}, an input of {inputs[hit]}")
                break


def _written(settings: RunSettings) -> Iterator[Path]:
    path = Path(parse_uri(settings.outputs[0].uri).path)
    yield path.resolve()
    if settings.outputs[0].sidecar:
        yield path.with_suffix(".jsonl").resolve()


def _job(
    row: Row, name: str, folder: Path, settings: RunSettings, values: dict[str, Any], earlier: Record | None
) -> Job:
    paths = input_paths(settings)
    size = sum(size_of(paths[side]) for side in ("visible", "thermal") if side in paths)
    return Job(
        row.place,
        name,
        str(folder),
        values,
        weights_sha256(settings.fusion),
        versions()["gifnet-stream"],
        size,
        earlier,
    )
