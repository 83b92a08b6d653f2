"""The measurements of `gifnet bench` in their order; omissions are reported with their reason."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

import gifnet
from gifnet.errors import DeviceError
from gifnet.folding import fold
from gifnet.loading import Precision, choose_dtype
from stream.bench import models
from stream.bench.end_to_end import measure_end_to_end
from stream.bench.load import Load, make_load
from stream.bench.roofline import Rates, floor_of, measure_rates
from stream.bench.stages import measure_stages
from stream.bench.timing import Timer, Work, new_timer, rounds, summarise
from stream.device.context import DeviceContext
from stream.device.errors import explain_cuda_error
from stream.runtime.clock import Clock

Row = dict[str, Any]
Tell = Callable[[str], None]
SCHEMA = "gifnet.bench/1"


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """The measurements that are asked for.

    Attributes:
        sizes: width and height of the visible picture.
        precisions: as `gifnet run` names them.
        batches: pairs at once.
        weights: name or file.
        burst_s: about how long each piece of work is run in a round.
        rounds: how often the forms of the network take turns.
        baseline: also time the published form.
        compile: also time the published form under torch.compile.
        nvtx: name stages for NVIDIA's profilers.
    """

    sizes: tuple[tuple[int, int], ...] = ((640, 480),)
    precisions: tuple[Precision, ...] = ("auto",)
    batches: tuple[int, ...] = (1,)
    weights: str = "default"
    burst_s: float = 1.0
    rounds: int = 3
    baseline: bool = True
    compile: bool = False
    nvtx: bool = False


@dataclass(slots=True)
class Bench:
    """One run of the benchmark on one device; `tell` is called with what comes next."""

    settings: BenchSettings
    context: DeviceContext
    clock: Clock
    tell: Tell
    timer: Timer = field(init=False)
    rates: dict[torch.dtype, Rates] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.timer = new_timer(self.context.device, self.clock)

    def run(self) -> list[Row]:
        """A row for each size, precision and batch."""
        settings, rows = self.settings, []
        for size in settings.sizes:
            self.tell(f"drawing a street of {size[0]}x{size[1]} pixels")
            load = make_load(size)
            for precision in dict.fromkeys(choose_name(p, self.context.device) for p in settings.precisions):
                rows += [self._row(load, precision, batch) for batch in settings.batches]
        return rows

    def _row(self, load: Load, precision: Precision, batch: int) -> Row:
        """One combination; a refusal of the device is noted in the row, and the others continue."""
        row: Row = {"size": list(load.size), "precision": precision, "batch": batch, "not_measured": {}}
        # First, so that the peak of memory is not that of the published form.
        with self._part("end to end", row):
            self._end_to_end(load, precision, batch, row)
        with self._part("network", row):
            self._network(load, precision, batch, row)
        with self._part("stages", row):
            self._stages(load, precision, batch, row)
        return row

    @contextmanager
    def _part(self, name: str, row: Row) -> Iterator[None]:
        """A part whose failure on the device ends it alone."""
        # Here, and not where the last part failed: its error held what it had taken.
        self.context.release_unused()
        width, height = row["size"]
        self.tell(f"{width}x{height} {row['precision']}, batch {row['batch']}: {name}")
        try:
            yield
        except Exception as error:
            reason = str(error) if isinstance(error, DeviceError) else explain_cuda_error(error)
            if reason is None:
                raise
            row["not_measured"][name] = reason

    def _network(self, load: Load, precision: Precision, batch: int, row: Row) -> None:
        """Our form alone, so that nothing else can take its figures down; then side by side with others."""
        settings, device = self.settings, self.context.device
        pictures = load.pictures(batch, device)
        ours = models.ours(settings.weights, precision, pictures, self.context)
        row["form"] = ours.network.form
        self._time({"ours": ours.work}, batch, row)
        with self._part("psnr", row):
            exact = gifnet.load(settings.weights, device, "float32")(*pictures)
            row["psnr_db"] = models.psnr_db(ours.result, exact)
        works = {"ours": ours.work, **self._baselines(precision, pictures, row)}
        if len(works) > 1:
            with self._part("side by side", row):
                self._time(works, batch, row)
        ours_s = row["network"]["ours"]["p50_ms"]
        if "end_to_end" in row:
            whole, alone = row["end_to_end"]["throughput"], row["network"]["ours"]
            row["end_to_end"]["share_of_network"] = whole["frames_per_s"] / alone["frames_per_s"]
        dtype: torch.dtype = getattr(torch, precision)
        with self._part("floor", row):
            floor = floor_of(fold(ours.network, torch.float32), load.size, dtype, self._rates(dtype))
            row["floor"] = asdict(floor) | {"times_used": ours_s / batch / floor.milliseconds}

    def _time(self, works: dict[str, Work], batch: int, row: Row) -> None:
        seconds = rounds(works, self.timer, self.settings.rounds, self.settings.burst_s)
        row["network"] = {name: summarise(each, batch).as_json() for name, each in seconds.items()}
        ours_ms = row["network"]["ours"]["p50_ms"]
        row["times_as_fast_as"] = {
            name: timing["p50_ms"] / ours_ms for name, timing in row["network"].items() if name != "ours"
        }

    def _baselines(self, precision: Precision, pictures: Any, row: Row) -> dict[str, Work]:
        """The other forms, each having run once, of those that are asked for and that the device bears."""
        works: dict[str, Work] = {}
        if self.settings.baseline:
            with self._part("published", row):
                work = models.published(self.settings.weights, pictures, self.context.device)
                work()
                works["published"] = work
        else:
            row["not_measured"]["published"] = "left out by --no-baseline"
        return works | self._compiled(precision, pictures, row)

    def _compiled(self, precision: Precision, pictures: Any, row: Row) -> dict[str, Work]:
        if not self.settings.compile:
            row["not_measured"]["published compiled"] = "left out; --compile measures it"
            return {}
        self.context.release_unused()
        self.tell("compiling the published form")
        try:
            work = models.compiled(self.settings.weights, precision, pictures, self.context.device)
        except Exception as error:  # whatever torch.compile and the compilers behind it raise
            row["not_measured"]["published compiled"] = explain_cuda_error(error) or _first_line(error)
            return {}
        return {"published compiled": work}

    def _end_to_end(self, load: Load, precision: Precision, batch: int, row: Row) -> None:
        settings = self.settings
        self._reset_memory()
        result = measure_end_to_end(
            load, settings.weights, precision, batch, self.context, self.clock, settings.burst_s
        )
        row["end_to_end"] = {
            "throughput": result.throughput.as_json(),
            "latency": result.latency.as_json(),
            "start_s": result.start_s,
            **result.device,
        }
        row["memory"] = self._memory()
        if self.context.device.type == "cpu":
            row["stages"] = {name: asdict(time) for name, time in result.stages.items()}

    def _stages(self, load: Load, precision: Precision, batch: int, row: Row) -> None:
        if self.context.device.type == "cpu":
            return
        settings = self.settings
        times = measure_stages(
            load, settings.weights, precision, batch, self.context, self.timer, 50, settings.nvtx
        )
        row["stages"] = {name: timing.as_json() for name, timing in times.items()}

    def _rates(self, dtype: torch.dtype) -> Rates:
        if dtype not in self.rates:
            self.tell("measuring the machine's own rates")
            self.rates[dtype] = measure_rates(self.context.device, dtype, self.timer)
        return self.rates[dtype]

    def _reset_memory(self) -> None:
        if self.context.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.context.device)

    def _memory(self) -> dict[str, int]:
        """Peaks in bytes: of the process since it began, and of the device during the whole way of frames."""
        memory = {"host_peak_bytes": _host_peak_bytes()}
        if self.context.device.type == "cuda":
            memory["device_peak_bytes"] = torch.cuda.max_memory_reserved(self.context.device)
        return memory


def choose_name(precision: Precision, device: torch.device) -> Precision:
    """The number format that a precision means on a device, by name.

    Raises:
        DeviceError: the device does not offer it.
    """
    name: Any = str(choose_dtype(precision, device)).removeprefix("torch.")
    chosen: Precision = name
    return chosen


def _host_peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
