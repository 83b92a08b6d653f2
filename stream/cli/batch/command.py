"""`gifnet batch`: many recorded pairs, each fused by a process of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.batch.told import last_words, show_batch, show_plan, tell_failure
from stream.cli.help_groups import GroupedHelp
from stream.cli.logs import set_up_logs
from stream.cli.options import field_option, named_settings, setting_options, verbosity_options
from stream.config import validate
from stream.config.batch import ROW_NAMES, BatchSettings
from stream.errors import ConfigError

if TYPE_CHECKING:
    from stream.batch.engine import Engine

FAILED_STATUS = 3


@click.command(
    cls=GroupedHelp,
    epilog="A row's own settings win over options, which win over the configuration file. Exit status: 0 "
    "when all rows are done, 3 when some failed, 1 when the batch could not begin or go on.",
)
@click.argument("manifest")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the results."
)
@click.option("-n", "--dry-run", is_flag=True, help="Check everything, show what is to be done, and stop.")
@field_option("jobs", BatchSettings.model_fields["jobs"])
@field_option("retries", BatchSettings.model_fields["retries"])
@setting_options(ROW_NAMES)
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Configuration file in YAML.")
@verbosity_options
@click.pass_context
def batch(
    ctx: click.Context,
    /,
    manifest: str,
    folder: Path,
    dry_run: bool,
    jobs: int | None,
    retries: int,
    config: Path | None,
    quiet: bool,
    verbose: bool,
    **_: Any,
) -> None:
    """Fuse every recorded pair of MANIFEST: a CSV or JSONL file, a folder, or a glob in quotes.

    What is done stays done: the same command goes on where an earlier one ended, and does again what has
    other inputs, settings or weights. Ctrl-C lets recordings that are begun end; a second one stops them.
    """
    from stream.batch.find import find_rows
    from stream.batch.plan import plan_batch
    from stream.batch.results import open_results, read_results

    set_up_logs(verbose=verbose, quiet=quiet)
    settings = validate(BatchSettings, {"jobs": jobs, "retries": retries}, "the command line")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"the output {folder} is a file; name a folder")
    rows, alone = find_rows(manifest)
    plan = plan_batch(rows, folder, named_settings(ctx), config, read_results(folder))
    if dry_run:
        show_plan(plan, alone)
        return
    device = plan.jobs[0].settings.get("device", "auto") if plan.jobs else "cpu"
    with open_results(folder) as results:
        status = _work(plan, _engine(settings, str(device)), results, retries, alone, quiet)
    if status:
        ctx.exit(status)


def _engine(settings: BatchSettings, device: str) -> AbstractContextManager[Engine]:
    from stream.batch.engine import LocalEngine

    return LocalEngine(settings.jobs, device)


def _work(
    plan: Any,
    opened: AbstractContextManager[Engine],
    results: Any,
    retries: int,
    alone: list[str],
    quiet: bool,
) -> int:
    from stream.batch.interrupts import Interrupts
    from stream.batch.schedule import Tally, work
    from stream.runtime.signals import Stopped

    tally = Tally(rows=len(plan.jobs) + len(plan.done), unchanged=len(plan.done))
    with Interrupts() as asked, show_batch(quiet) as tell:
        if plan.jobs:
            with opened as engine:
                work(
                    plan.jobs,
                    engine,
                    results,
                    tally,
                    asked,
                    retries,
                    lambda _: tell(tally, asked),
                    tell_failure,
                )
    if not quiet:
        last_words(tally, alone)
    if asked.signal is not None and tally.not_done:
        stopped = Stopped(asked.signal)
        rows = "1 row was" if tally.not_done == 1 else f"{tally.not_done} rows were"
        stopped.add_note(f"{rows} not done; the same command goes on with what is left")
        raise stopped
    return FAILED_STATUS if tally.failures else 0
