"""`gifnet batch`: many recorded pairs, each fused by a process of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
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
    from stream.batch.plan import Plan
    from stream.batch.process import WorkerProcess
    from stream.batch.results import Results

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
@field_option("cut", BatchSettings.model_fields["cut"])
@field_option("upload", BatchSettings.model_fields["upload"])
@field_option("staging_gb", BatchSettings.model_fields["staging_gb"])
@click.option(
    "--ray",
    "address",
    is_flag=False,
    flag_value="auto",
    metavar="[ADDRESS]",
    help="Work on a Ray cluster: HOST:PORT of its head, auto for the one of this machine, or local.",
)
@field_option("ray_cpus", BatchSettings.model_fields["ray_cpus"])
@field_option("ray_gpus", BatchSettings.model_fields["ray_gpus"])
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
    cut: float | None,
    upload: str | None,
    staging_gb: float,
    address: str | None,
    ray_cpus: float,
    ray_gpus: float,
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
    from stream.batch.process import WorkerProcess
    from stream.batch.results import open_results, read_results

    set_up_logs(verbose=verbose, quiet=quiet)
    given = {"jobs": jobs, "retries": retries, "cut": cut, "upload": upload, "staging_gb": staging_gb}
    given |= {"ray_cpus": ray_cpus, "ray_gpus": ray_gpus}
    settings = validate(BatchSettings, given, "the command line")
    if address is not None:
        _check_ray(address, settings)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"the output {folder} is a file; name a folder")
    rows, alone = find_rows(manifest)
    earlier = read_results(folder)
    # Libraries that count their threads as they load get one; each job is told how many cores it has.
    with closing(WorkerProcess({"OMP_NUM_THREADS": "1"})) as worker:
        done = sum(record.get("status") == "done" for record in earlier.values())
        if not dry_run and address is None and len(rows) > done:
            worker.start()  # it loads torch while rows are checked
        plan = plan_batch(rows, folder, named_settings(ctx), config, earlier, settings)
        if dry_run:
            show_plan(plan, alone)
            return
        with open_results(folder, [job.name for job in plan.jobs if job.cut_s]) as results:
            engine = _engine(settings, plan, address, worker)
            status = _work(plan, engine, results, settings, alone, quiet)
    if status:
        ctx.exit(status)


def _check_ray(address: str, settings: BatchSettings) -> None:
    from stream.cluster.connection import check_address

    check_address(address, "; put the manifest before it")
    if settings.jobs is not None:
        raise ConfigError("--jobs is for this machine; on a cluster --ray-cpus says how many go on at once")


def _engine(
    settings: BatchSettings, plan: Plan, address: str | None, worker: WorkerProcess
) -> AbstractContextManager[Engine]:
    if address is not None:
        from stream.batch.ray_engine import open_ray

        return open_ray(address, settings, plan.jobs)
    from stream.batch.engine import LocalEngine

    devices = {str(job.settings.get("device", "auto")) for job in plan.jobs}
    return LocalEngine(settings.jobs, "cpu" if devices <= {"cpu"} else "auto", worker)


def _work(
    plan: Plan,
    opened: AbstractContextManager[Engine],
    results: Results,
    settings: BatchSettings,
    alone: list[str],
    quiet: bool,
) -> int:
    from stream.batch.interrupts import Interrupts
    from stream.batch.schedule import work
    from stream.batch.tally import Tally
    from stream.runtime.signals import Stopped

    tally = Tally(rows=len(plan.jobs) + len(plan.done), unchanged=len(plan.done))
    asked = Interrupts()
    if plan.jobs:
        # Signals last: Ray answers SIGTERM in its own way.
        with opened as engine, asked, show_batch(quiet) as tell:
            work(
                plan.jobs, engine, results, tally, asked, settings, lambda _: tell(tally, asked), tell_failure
            )
    if not quiet:
        last_words(tally, alone)
    if asked.signal is not None and tally.not_done:
        stopped = Stopped(asked.signal)
        rows = "1 row was" if tally.not_done == 1 else f"{tally.not_done} rows were"
        stopped.add_note(f"{rows} not done; the same command goes on with what is left")
        raise stopped
    return FAILED_STATUS if tally.failures else 0
