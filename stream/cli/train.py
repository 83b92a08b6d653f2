"""`gifnet train`: settings from a file and options, progress on the terminal, a checkpoint on Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from stream.config import load_yaml
from stream.runtime.signals import Stopped

if TYPE_CHECKING:
    from gifnet.train.config import Settings
    from gifnet.train.loop import Outcome

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("-c", "--config", type=click.Path(path_type=Path), help="YAML file with the settings.")
@click.option("--data", type=_FOLDER, multiple=True, help="Folder with pairs or clips; repeatable.")
@click.option("-o", "--output", type=_FOLDER, help="Folder for checkpoints, log and pictures.")
@click.option(
    "--network",
    type=click.Choice(["direct", "gifnet", "lite", "features", "detector"]),
    help="Network and training: the full fusion network by losses of its picture (direct) or by the "
    "published recipe (gifnet, default), the one for real time, what calibration compares pictures by, or "
    "the detector of --detect.",
)
@click.option(
    "--joint",
    type=click.Choice(["detection", "segmentation", "both"]),
    help="Train fusion together with what looks at its picture; --network gifnet or lite (default).",
)
@click.option(
    "--upper-data",
    type=_FOLDER,
    multiple=True,
    help="With --joint: folder that fusion learns from; repeatable.",
)
@click.option(
    "--test-data",
    type=_FOLDER,
    multiple=True,
    help="With --joint or --network detector: folder that is only measured on; repeatable.",
)
@click.option(
    "--iterations", type=int, help="Number of iterations; with gifnet each takes a step for both tasks."
)
@click.option("--device", help="auto, cpu or cuda.")
@click.option("--precision", help="auto, float32 or bfloat16.")
@click.option("--seed", type=int, help="Start of every random choice.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in the output folder.")
@click.option(
    "--export", type=click.Path(path_type=Path), help="Write the newest checkpoint's weights and card."
)
def train(config: Path | None, resume: bool, export: Path | None, **options: Any) -> None:
    """Train GIFNet, GIFNet-lite, the features of calibration or a detector from registered pairs.

    For a detector, and with --joint, the pairs are labelled; --joint trains fusion for detection,
    segmentation or both.
    """
    from gifnet.train.config import validate

    values = load_yaml(config) if config else {}
    values |= {name: value for name, value in options.items() if value not in (None, ())}
    settings = validate(values, str(config) if config else "the options")
    if export:
        _export(settings, export)
        return
    with _signals() as received:
        outcome = _train(settings, resume, received)
    click.echo(f"{outcome.iteration} iterations done, saved in {outcome.checkpoint}")
    if outcome.stopped:
        raise Stopped(received[-1])


def _export(settings: Settings, path: Path) -> None:
    from gifnet.train.export import export

    card = export(settings.output, path, " ".join(["gifnet", "train", *_words_without_export()]))
    click.echo(f"wrote {path} and {card}")


def _words_without_export() -> list[str]:
    words = sys.argv[2:]
    place = words.index("--export") if "--export" in words else len(words)
    return words[:place] + words[place + 2 :]


def _train(settings: Settings, resume: bool, received: list[int]) -> Outcome:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gifnet.train.loop import train as run

    numbers = TextColumn("{task.fields[losses]}")
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), numbers)
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("training", total=settings.iterations, losses="")

        def report(iteration: int, losses: dict[str, float]) -> None:
            text = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
            progress.update(task, completed=iteration, losses=text)

        return run(settings, resume, report, lambda: bool(received))


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying from them, until the block ends."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
