"""Sinks of fused frames: one module or folder a kind, found by its `SinkSettings`.

The process that sends frames onward is made of files in here too, and does without torch.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module

from stream.config import OutputSettings, RunSettings
from stream.errors import SinkError
from stream.files.run_paths import OutputPlace, check_places
from stream.sinks.base import Sink, SinkOptions
from stream.sinks.settings import SinkSettings, given_options
from stream.uri import mask, parse_uri

__all__ = ["Sink", "SinkOptions", "SinkSettings", "check_outputs", "open_sink", "sink_kinds", "sink_settings"]


@cache
def sink_kinds() -> tuple[type[SinkSettings], ...]:
    """The settings of every kind of sink, found in the modules of this folder."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    models = [model for model in found if issubclass(model, SinkSettings) and model.schemes]
    return tuple(sorted(models, key=lambda model: model.form))


def sink_settings(output: OutputSettings, outputs: Sequence[OutputSettings] = ()) -> SinkSettings:
    """Check the options of an output against the kind of sink that its URI names.

    Args:
        output: as flags or YAML give it.
        outputs: all of the run; a flag holds for all of them, so that an option of no use to this one passes
            where another one with the same value takes it.

    Raises:
        SinkError: the kind is unknown, or an option is unknown, of no use to it or outside its range.
    """
    uri = parse_uri(output.uri)
    model = _kind_of(output)
    given = given_options(output)
    for key in sorted(set(given) - set(model.common_options())):
        others = (other for other in outputs if getattr(other, key) == given[key])
        if any(key in _kind_of(other).common_options() for other in others):
            del given[key]
    return model.read(uri, given)


def open_sink(settings: OutputSettings, options: SinkOptions) -> Sink:
    """Open what a path or URI names; nothing is written before the first frame.

    Args:
        settings: of the output; `uri` chooses the kind of sink.
        options: what is known of the frames.

    Returns:
        A sink; close it, or use it in a `with`.

    Raises:
        SinkError: when the kind is unknown, it cannot be written to, or an option does not fit.
    """
    return sink_settings(settings).open(options)


def check_outputs(settings: RunSettings) -> None:
    """Refuse outputs with wrong or useless options, and outputs that would overwrite what they should not.

    Raises:
        SinkError: an option does not fit its output.
        ConfigError: an output is an input, or two outputs are the same.
    """
    places = []
    for number, output in enumerate(settings.outputs, start=1):
        sink = sink_settings(output, settings.outputs)
        for path in sink.places():
            of = "" if path == sink.path() else f" with {path.name}"
            places.append(OutputPlace(f"output {number}, {mask(output.uri)}{of},", path, sink.replaces))
    check_places(settings, places)


def _kind_of(output: OutputSettings) -> type[SinkSettings]:
    uri = parse_uri(output.uri)
    for model in sink_kinds():
        if model.claims(uri):
            return model
    supported = ", ".join(model.form for model in sink_kinds())
    known = {scheme for model in sink_kinds() for scheme in model.schemes}
    if uri.scheme in known:
        suffix = "." + uri.path.rpartition(".")[2] if "." in uri.path else ""
        what = f"files that end in {suffix!r}"
    else:
        what = f"{uri.scheme}://"
    raise SinkError(f"{uri}: no sink is known for {what}; supported are {supported}")
