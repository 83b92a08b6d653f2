"""`gifnet bench`: how fast this machine fuses."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from stream.cli.options import setting_options
from stream.config import Device, Precision
from stream.errors import ConfigError

if TYPE_CHECKING:
    from stream.bench.suite import BenchSettings

_QUICK = {"sizes": ((160, 120),), "burst_s": 0.2, "rounds": 2}


class Size(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """`WIDTHxHEIGHT`, at least 16 by 16 pixels."""

    name = "WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Width and height."""
        match = re.fullmatch(r"(\d+)x(\d+)", str(value))
        size = (int(match[1]), int(match[2])) if match else (0, 0)
        if min(size) < 16:
            self.fail(f"{value!r} is not a size such as 640x480, of at least 16x16 pixels", param, ctx)
        return size


@click.command()
@click.option("--size", "sizes", type=Size(), multiple=True, help="Size of visible pictures; repeatable.")
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(get_args(Precision)),
    multiple=True,
    help="Number format of the network; repeatable.",
)
@click.option(
    "--batch", "batches", type=click.IntRange(1, 64), multiple=True, help="Pairs fused at once; repeatable."
)
@click.option("--seconds", "burst_s", type=click.FloatRange(0, 60), help="Length of each measurement.")
@click.option("--baseline/--no-baseline", default=True, help="Also time the published form of the network.")
@click.option(
    "--compile", "with_compiled", is_flag=True, help="Also time the published form under torch.compile."
)
@click.option("--quick", is_flag=True, help="Small pictures and short measurements, to see that it works.")
@click.option("--nvtx", is_flag=True, help="Name stages for NVIDIA's profilers.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write everything to a file for programs."
)
@setting_options(["weights", "device"])
def bench(
    sizes: tuple[tuple[int, int], ...],
    precisions: tuple[Precision, ...],
    batches: tuple[int, ...],
    burst_s: float | None,
    baseline: bool,
    with_compiled: bool,
    quick: bool,
    nvtx: bool,
    json_file: Path | None,
    weights: str,
    device: Device,
) -> None:
    """Measure how fast this machine fuses, beside the published form and the machine's own limits.

    Nothing is read but the weights; the pictures are generated.
    """
    from rich.console import Console

    from stream.bench.environment import circumstances
    from stream.bench.suite import SCHEMA, Bench, BenchSettings
    from stream.bench.table import show
    from stream.device.context import open_device
    from stream.runtime.clock import SystemClock

    given = {"sizes": sizes, "precisions": precisions, "batches": batches, "burst_s": burst_s}
    sought: dict[str, Any] = (_QUICK if quick else {}) | {key: value for key, value in given.items() if value}
    settings = BenchSettings(
        weights=weights,
        baseline=baseline,
        compile=with_compiled,
        nvtx=nvtx,
        **sought,
    )
    _check_place(json_file)
    context, clock = open_device(device), SystemClock()
    around = circumstances(context.device, clock)
    rows = Bench(settings, context, clock, _tell).run()
    result = {"schema": SCHEMA, "circumstances": around, "settings": _plain(settings), "rows": rows}
    show(result, Console(file=sys.stdout, highlight=False, markup=False))
    if json_file:
        _write(json_file, result)


def _tell(what: str) -> None:
    click.echo(f"gifnet: {what}", err=True)


def _plain(settings: BenchSettings) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(settings)


def _check_place(path: Path | None) -> None:
    """Refuse a file that cannot be written before minutes are spent."""
    if path and not path.parent.is_dir():
        raise ConfigError(f"--json {path}: the folder {path.parent} does not exist; make it first")


def _write(path: Path, result: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the result {path} cannot be written: {error.strerror}") from None
    click.echo(f"gifnet: wrote {path}", err=True)
