"""Runs several pairs beside each other: one that fails ends alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from functools import partial
from pathlib import Path

from stream.config import RunSettings
from stream.errors import ConfigError
from stream.files.atomic_write import write_atomic
from stream.frame import FusedFrame
from stream.fusion.devices import OwnDevices
from stream.fusion.shared.devices import SharedDevices
from stream.monitoring.pairs import PairState, reports_as_json
from stream.monitoring.report import RunReport
from stream.monitoring.status import RunStatus
from stream.pipeline import run as one
from stream.pipeline.pairs.load import PairsPlan
from stream.runtime.clock import Clock
from stream.runtime.cpu_threads import OneThreadEach
from stream.runtime.side_by_side import SideBySide
from stream.runtime.signals import Stopped
from stream.runtime.threads import check_end

Watch = Callable[[Iterable[FusedFrame]], Iterable[FusedFrame]]
Names = Iterator[str]
Failed = Callable[[BaseException], None]


class PairRuns:
    """The pairs of a process.

    Attributes:
        states: of all pairs, in their order.
    """

    def __init__(self, plan: PairsPlan, clock: Clock) -> None:
        """Open nothing yet.

        Args:
            plan: what to do.
            clock: of all reports.
        """
        self._plan = plan
        self.states = [PairState(name, RunReport(clock)) for name in plan.runs]
        self._shared = SharedDevices(plan.settings.sharing, len(plan.runs), clock)
        # Nobody to share with: the very run of one pair.
        self._devices = self._shared if len(plan.runs) > 1 else OwnDevices()

    def batches(self) -> dict[str, dict[str, int]]:
        """Number of batches of each size, by network."""
        return self._shared.batches()

    def run(
        self,
        watch: Watch = iter,
        wait: Callable[[Names], Names] = iter,
        progress: Callable[[str], one.Progress] = lambda name: lambda report, total: None,
        adjuster: Callable[[str], one.Adjuster] = lambda name: nullcontext,
        failed: Failed = lambda error: None,
    ) -> None:
        """Run all pairs until the last one has ended; their errors are in `states`.

        Args:
            watch: passes the frames of a pair on; called on the thread of each pair.
            wait: passes on which pair has ended; may raise `Stopped`, which ends all pairs in their order.
            progress: gives what is called after every frame of a pair.
            adjuster: gives what may change the settings of a pair.
            failed: called on the thread of a pair that ends by an error, with that.

        Raises:
            ConfigError: the address of the metrics is wrong or taken, or the report cannot be written.
            Stopped: `wait` raised it; all outputs are whole up to there.
        """
        plan = self._plan
        works = {
            state.name: partial(
                self._run,
                state,
                plan.runs[state.name],
                watch,
                progress(state.name),
                adjuster(state.name),
                failed,
            )
            for state in self.states
        }
        with ExitStack() as stack:
            if plan.settings.report:
                stack.callback(self._write_report, plan.settings.report)
            stack.enter_context(OneThreadEach())
            stack.enter_context(closing(self._shared))
            stack.enter_context(_numbers(plan.settings.metrics.bind, self.states))
            beside = stack.enter_context(SideBySide(works))
            try:
                for _ in wait(beside.ended()):
                    pass
            except Stopped as stopped:
                beside.stop(stopped.signal)
                raise

    def _run(
        self,
        state: PairState,
        settings: RunSettings,
        watch: Watch,
        progress: one.Progress,
        adjuster: one.Adjuster,
        failed: Failed,
    ) -> None:
        """Run one pair to its end; an error is noted, and ends no other pair."""

        def until_asked(frames: Iterable[FusedFrame]) -> Iterator[FusedFrame]:
            for frame in watch(frames):
                check_end()
                yield frame

        def show(status: RunStatus) -> None:
            state.status = status

        try:
            one.run(settings, state.report, until_asked, progress, adjuster, self._devices, show)
        except BaseException as error:
            if state.report.error is None:  # it was refused before it began
                state.report.finish(error)
            if not isinstance(error, Stopped):
                failed(error)
            # Tracebacks hold all memory of the run, and the others may go on for weeks.
            error.__traceback__ = error.__context__ = error.__cause__ = None
            state.error = error
        finally:
            state.has_ended = True

    def _write_report(self, path: Path) -> None:
        text = json.dumps(reports_as_json(self.states, self.batches()), indent=2) + "\n"
        try:
            write_atomic(path, text)
        except OSError as error:
            raise ConfigError(f"the report {path} cannot be written: {error.strerror}") from None


def _numbers(bind: str | None, states: Sequence[PairState]) -> AbstractContextManager[None]:
    if not bind:
        return nullcontext()
    from stream.web.health import open_health_of_pairs

    return open_health_of_pairs(bind, states)
