"""`gifnet run`: any two sources to any sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.help_groups import GroupedHelp
from stream.cli.logs import set_up_logs
from stream.cli.options import named_settings, setting_options, verbosity_options
from stream.cli.per_output import ORDER, by_output
from stream.cli.reload import hangups, reloading
from stream.config import NAMES, FuseSettings, RunSettings, validate
from stream.config.environment import load_config
from stream.config.merge import describe, overlay
from stream.frame import FusedFrame

if TYPE_CHECKING:
    from stream.pipeline.run import Adjuster


@click.command(
    cls=GroupedHelp, epilog="Every option has its key in the configuration file; see --print-config."
)
@click.argument("visible", required=False)
@click.argument("thermal", required=False)
@setting_options(NAMES)
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Configuration file in YAML.")
@click.option("--print-config", is_flag=True, help="Show all settings and where each came from, and stop.")
@verbosity_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    visible: str | None,
    thermal: str | None,
    config: Path | None,
    print_config: bool,
    quiet: bool,
    verbose: bool,
    **_: Any,
) -> None:
    """Fuse VISIBLE and THERMAL, two videos, folders or cameras, into one stream.

    What stands on the command line wins over the configuration file. SIGHUP reads the file's pairing,
    registration and gain again while the run goes on. A file with `pairs` runs several pairs in one process.
    """
    named = by_output(named_settings(ctx), ctx.meta[ORDER])
    from_file = load_config(config) if config else {}
    if config and "pairs" in from_file:
        from stream.cli.pairs.command import run_pairs

        run_pairs(config, named, print_config, quiet, verbose)
        return

    def load() -> RunSettings:
        values = load_config(config) if config else from_file
        return validate(RunSettings, overlay(values, named), str(config or "the command line"))

    settings = load()
    if print_config:
        click.echo(describe(settings, from_file, named))
        return
    set_up_logs(settings.logs, verbose, quiet)
    fuse_and_tell(settings, quiet or settings.logs == "json", load_again=load if config else None)


def fuse_and_tell(
    settings: RunSettings,
    quiet: bool,
    look: Callable[[FusedFrame], None] = lambda frame: None,
    load_again: Callable[[], FuseSettings] | None = None,
) -> None:
    """Run the pipeline with progress and summary; signals stop it between two frames.

    Args:
        settings: what to do.
        quiet: tell nothing.
        look: called with every fused frame before it is written.
        load_again: reads the settings again on SIGHUP.
    """
    with hangups() as requests:
        _fuse_and_tell(settings, quiet, look, partial(reloading, requests, load_again))


def _fuse_and_tell(
    settings: RunSettings, quiet: bool, look: Callable[[FusedFrame], None], adjuster: Adjuster
) -> None:
    from stream.cli.progress import print_summary, show_progress
    from stream.monitoring.report import RunReport
    from stream.pipeline import run as pipeline
    from stream.runtime.clock import SystemClock
    from stream.runtime.loaded_code import release_loaded_code
    from stream.runtime.signals import StopSignals
    from stream.runtime.systemd import SystemdNotifier

    def watch(frames: Iterable[FusedFrame]) -> Iterator[FusedFrame]:
        for frame in systemd.watch(stop.watch(frames)):
            look(frame)
            yield frame

    release_loaded_code()
    report = RunReport(SystemClock())
    try:
        with (
            StopSignals() as stop,
            show_progress(quiet) as tell,
            SystemdNotifier(report.in_a_line) as systemd,
        ):
            pipeline.run(settings, report, watch, tell, adjuster)
    finally:
        if not quiet and report.fused:
            print_summary(report)
