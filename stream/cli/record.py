"""`gifnet record` and `gifnet replay`: keep what two cameras gave, and fuse it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream.cli.help_groups import GroupedHelp
from stream.cli.logs import set_up_logs
from stream.cli.options import named_settings, setting_options, verbosity_options
from stream.cli.per_output import ORDER, by_output
from stream.cli.reload import hangups
from stream.config import NAMES, FuseSettings, OutputSettings, RunSettings, validate
from stream.config.environment import load_config
from stream.config.merge import overlay
from stream.errors import ConfigError

_INPUTS = ["pair", *(name for name in NAMES if name.startswith(("visible_", "thermal_")))]
_PAIRING = [name for name, place in NAMES.items() if place.startswith("pairing.")]
_RECORD = [*_PAIRING, *_INPUTS, "queue_frames", "queue_mb", "queue_ms", "damaged", "wait", "duration_s"]
_ROTATION = ["segment_s", "segment_mb", "keep_free_mb"]
_REPLAY = [name for name in NAMES if name not in (*_INPUTS, *_PAIRING)]


@click.command(cls=GroupedHelp)
@click.argument("visible", required=False)
@click.argument("thermal", required=False)
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder to make."
)
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Configuration file in YAML.")
@setting_options([*_RECORD, *_ROTATION])
@verbosity_options
@click.pass_context
def record(
    ctx: click.Context,
    /,
    visible: str | None,
    thermal: str | None,
    folder: Path,
    config: Path | None,
    quiet: bool,
    verbose: bool,
    **_: Any,
) -> None:
    """Record VISIBLE and THERMAL, two live cameras, exactly as they come.

    All frames are kept without loss, thermal counts in all their bits, with their times and how they were
    paired. `gifnet replay FOLDER` fuses them.
    """
    from stream.cli.progress import print_summary, show_progress
    from stream.monitoring.report import RunReport
    from stream.pipeline.record import record as record_cameras
    from stream.runtime.clock import SystemClock
    from stream.runtime.signals import StopSignals
    from stream.sources.live import is_live

    set_up_logs(verbose=verbose)
    named = named_settings(ctx)
    rotation = {name: named.pop(name) for name in _ROTATION if name in named}
    from_file = load_config(config) if config else {}
    allowed = {key: value for key, value in from_file.items() if key in FuseSettings.model_fields}
    settings = validate(FuseSettings, overlay(allowed, named), str(config or "the command line"))
    output = validate(OutputSettings, {"uri": str(folder), **rotation}, "the command line")
    for source in (settings.visible, settings.thermal):
        if not is_live(source.uri):
            raise ConfigError("only live cameras are recorded; a file is a recording already")
    report = RunReport(SystemClock())
    try:
        # The hang-up of the terminal does not end a recording.
        with hangups(), StopSignals() as stop, show_progress(quiet) as tell:
            record_cameras(settings, output, report, lambda: not stop.asked, tell)
    finally:
        report.finish(None)
        if not quiet and report.fused:
            print_summary(report)


@click.command(cls=GroupedHelp)
@click.argument("recording", type=click.Path(path_type=Path))
@setting_options(_REPLAY)
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Configuration file in YAML.")
@verbosity_options
@click.pass_context
def replay(
    ctx: click.Context, /, recording: Path, config: Path | None, quiet: bool, verbose: bool, **_: Any
) -> None:
    """Fuse a RECORDING of two cameras again, paired as it was.

    It is a folder that `gifnet record` or an output recording://FOLDER made. With the same settings on the
    same kind of machine, the pictures are those of the live run, bit for bit.
    """
    from stream.cli.run import fuse_and_tell

    set_up_logs(verbose=verbose)
    uri = f"replay://{recording}"
    named = {**by_output(named_settings(ctx), ctx.meta[ORDER]), "visible": uri, "thermal": uri}
    from_file = load_config(config) if config else {}
    for side in ("visible", "thermal"):  # a recording asks for no password
        if isinstance(from_file.get(side), dict):
            from_file[side] = {
                key: value for key, value in from_file[side].items() if key not in ("user", "password")
            }
    settings = validate(RunSettings, overlay(from_file, named), str(config or "the command line"))
    fuse_and_tell(settings, quiet)
