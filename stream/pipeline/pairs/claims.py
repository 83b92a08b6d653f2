"""Ports, files and names of which two pairs cannot both have one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from stream.config import RunSettings
from stream.files.run_paths import local_path
from stream.sinks import sink_settings
from stream.sinks.restream.settings import ServerSettings
from stream.uri import parse_uri

_METRICS = "the metrics"


def conflicts(
    pairs: Mapping[str, RunSettings],
    one_folder: bool,
    metrics: str | None = None,
    are_apart: Callable[[str, str], bool] = lambda one, other: False,
) -> Iterator[tuple[str, str]]:
    """Name of each pair that claims what another one has, and a phrase on it.

    Args:
        pairs: their settings, by name.
        one_folder: all run in the same folder, so that relative paths of two of them can be one file.
        metrics: address of the numbers of all pairs.
        are_apart: tells of the names of two pairs that they never run on one machine.
    """
    taken: dict[str, list[str]] = defaultdict(list)
    for port in _ports(metrics):
        taken[f"port {port}"].append(_METRICS)
    for name, settings in pairs.items():
        for what in dict.fromkeys(_takes(settings, one_folder)):
            first = next(
                (each for each in taken[what] if each == _METRICS or not are_apart(each, name)), None
            )
            if first:
                yield name, f"{what} is that of {first} too; give each pair its own"
            taken[what].append(name)
    if not one_folder:
        return
    read = {path.resolve(): name for name, settings in pairs.items() for path in _reads(settings)}
    for name, settings in pairs.items():
        for path in _writes(settings):
            reader = read.get(path.resolve(), name)
            if reader != name:
                yield name, f"the output {path} is an input of {reader}; name another file"


def _takes(settings: RunSettings, one_folder: bool) -> Iterator[str]:
    binds = (settings.preview.bind, settings.metrics.bind, settings.control.bind)
    sockets = [output.uri for output in settings.outputs if output.uri.startswith("zmq+tcp://")]
    for bind in (*binds, *sockets):
        yield from (f"port {port}" for port in _ports(bind))
    for place in _writes(settings):
        if one_folder or place.is_absolute():  # others lie in a folder of each pair
            yield f"the output {place.absolute() if one_folder else place}"
    for output in settings.outputs:
        uri = parse_uri(output.uri)
        if uri.scheme == "zmq+ipc":
            yield f"the socket {uri.path}"
        elif uri.scheme in ServerSettings.schemes:
            yield f"the address {uri}"
    if settings.takeover:
        yield f"the name {settings.takeover} to take over"
    if one_folder and settings.report:
        yield f"the report {settings.report.absolute()}"


def _ports(bind: str | None) -> list[str]:
    """The port of an address that is bound; none where the system chooses it, or it is connected to."""
    port = re.search(r":(\d{1,5})(?:[/?]|$)", bind or "")
    return [port[1]] if bind and port and int(port[1]) and "connect=1" not in bind else []


def _writes(settings: RunSettings) -> Iterator[Path]:
    for output in settings.outputs:
        yield from sink_settings(output, settings.outputs).places()


def _reads(settings: RunSettings) -> Iterator[Path]:
    for source in (settings.visible, settings.thermal):
        path = local_path(source.uri)
        if path is not None:
            yield path
