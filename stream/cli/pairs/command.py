"""Runs the pairs of a configuration, reports on them, and ends with the worst exit status."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import click

from stream.cli.failure import explain
from stream.cli.logs import set_up_logs
from stream.cli.pairs.told import print_summary_of_pairs, show_progress_of_pairs, worst_status
from stream.cli.reload import Requests, hangups, reloading
from stream.config.environment import load_config
from stream.config.live_settings import AdjustableSettings
from stream.config.merge import describe
from stream.config.run import RunSettings
from stream.errors import ConfigError
from stream.pipeline.pairs.load import PairsPlan, load_pairs
from stream.pipeline.pairs.run import PairRuns
from stream.runtime.clock import SystemClock
from stream.runtime.signals import Stopped, StopSignals
from stream.runtime.systemd import SystemdNotifier

_log = logging.getLogger(__name__)


def run_pairs(config: Path, named: Mapping[str, Any], print_config: bool, quiet: bool, verbose: bool) -> None:
    """Run all pairs of a configuration until the last one has ended.

    Args:
        config: the file, with `pairs`.
        named: options of the command line by name.
        print_config: show the settings of every pair, and stop.
        quiet: tell of failures only.
        verbose: tell more.
    """

    def load() -> PairsPlan:
        return load_pairs(load_config(config), named, str(config))

    plan = load()
    if print_config:
        click.echo("\n".join(_described(plan, named)))
        return
    is_json = plan.settings.logs == "json"
    set_up_logs(plan.settings.logs, verbose, quiet)
    runs = PairRuns(plan, SystemClock())
    try:
        _run(runs, plan, load, quiet or is_json)
    except Stopped as stopped:
        _leave(runs, quiet or is_json, stopped)
    else:
        _leave(runs, quiet or is_json, None)


def _run(runs: PairRuns, plan: PairsPlan, load: Callable[[], PairsPlan], quiet: bool) -> None:
    requests: dict[str, Requests] = {name: SimpleQueue() for name in plan.runs}

    def settings_of(name: str) -> RunSettings:
        again = load().runs
        if name not in again:
            raise ConfigError(f"the pair {name} is not in the file any more; it ends with the next start")
        return again[name]

    def adjuster(name: str) -> Callable[[AdjustableSettings], AbstractContextManager[object]]:
        return partial(reloading, requests[name], partial(settings_of, name))

    def states_in_a_line() -> str:
        return "; ".join(f"{state.name}: {state.report.fused} fused" for state in runs.states)

    with (
        hangups(*requests.values()),
        StopSignals() as stop,
        show_progress_of_pairs(list(plan.runs), quiet) as progress,
        SystemdNotifier(states_in_a_line) as systemd,
    ):
        runs.run(partial(systemd.watch, one_of_many=True), stop.watch, progress, adjuster, _tell_failure)


def _tell_failure(error: BaseException) -> None:
    _log.error("%s; the other pairs go on", explain(error)[0])
    _log.debug("where", exc_info=error)


def _leave(runs: PairRuns, quiet: bool, stopped: Stopped | None) -> None:
    """Tell of all pairs, and end with the status of the worst."""
    if not quiet:
        print_summary_of_pairs(runs.states, runs.batches())
    status = worst_status(runs.states)
    if stopped is not None and status in (0, explain(stopped)[1]):
        raise stopped
    if status:
        raise click.exceptions.Exit(status)


def _described(plan: PairsPlan, named: Mapping[str, Any]) -> Iterator[str]:
    yield "sharing:"
    sharing = plan.settings.sharing
    yield from (
        f"  {key}: {'null' if value is None else value}" for key, value in sharing.model_dump().items()
    )
    yield f"metrics: {{bind: {plan.settings.metrics.bind or 'null'}}}"
    yield f"logs: {plan.settings.logs}"
    yield f"report: {plan.settings.report or 'null'}"
    yield "pairs:"
    for name, settings in plan.runs.items():
        yield f"  {name}:"
        yield from _without_process(describe(settings, plan.values[name], named).splitlines())


def _without_process(lines: list[str]) -> Iterator[str]:
    """The settings of a pair, indented, without those that only the process has."""
    is_left_out = False
    for line in lines:
        if not line.startswith(" "):
            is_left_out = line.partition(":")[0] in ("logs", "metrics", "takeover")
        if not is_left_out:
            yield f"    {line}"
