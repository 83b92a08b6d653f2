"""`gifnet images`: pictures or folders of pictures, for any fusion task."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream.cli.options import setting_options, verbosity_options
from stream.config import Device, FusionSettings, Precision, RegistrationSettings
from stream.errors import CalibrationError, ConfigError, SourceError
from stream.runtime.signals import StopSignals
from stream.stills.tasks import TASK_NAMES, TASKS, Task, TaskName

if TYPE_CHECKING:
    import torch

    from gifnet.config import Kind
    from stream.stills.fuse import Network
    from stream.stills.pairs import PictureGroup, Plan


@click.command(
    epilog="Order of the pictures: visible then thermal or near infrared, MRI then PET, far then near focus, "
    "the panchromatic picture then its bands. See docs/images.md."
)
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="PATH",
    help="A picture, or a folder: one that exists or ends with /.",
)
@click.option(
    "--task",
    "name",
    type=click.Choice(TASK_NAMES),
    default=TASK_NAMES[0],
    show_default=True,
    help="Kind of the pictures.",
)
@click.option(
    "--visible-colour/--no-visible-colour",
    default=None,
    help="Keep the colour of the first picture, or take it as grey; by default as the file is.",
)
@click.option(
    "--thermal-colour/--no-thermal-colour",
    default=None,
    help="Keep the colour of the other pictures, or take them as grey; by default as the files are.",
)
@click.option(
    "--model",
    type=click.Choice(["full", "lite"]),
    default="full",
    show_default=True,
    help="Full: GIFNet; lite: the small network, many times faster on a CPU.",
)
@setting_options(["calibration", "distance_m", "weights", "device", "precision", "level"])
@verbosity_options
def images(
    pictures: tuple[Path, ...],
    output: str,
    name: TaskName,
    visible_colour: bool | None,
    thermal_colour: bool | None,
    model: Kind,
    calibration: Path | None,
    distance_m: float | None,
    weights: str,
    device: Device,
    precision: Precision,
    level: float | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Fuse PICTURES, files or folders: visible and thermal, or those of another task.

    Folders are paired by file name, or in order where no name agrees. One folder alone is a stack for
    multi-focus and multi-exposure, and pictures to treat one by one for enhance.
    """
    from gifnet.level import levelled
    from stream.stills.pairs import plan_pictures

    task = TASKS[name]
    if (calibration or distance_m) and not task.two_cameras:
        raise CalibrationError(
            f"--calibration and --distance-m are for {' and '.join(_of_two_cameras())}, not for {name}"
        )
    if distance_m and not calibration:
        raise CalibrationError("--distance-m needs a --calibration; the pictures are not moved without it")
    if level and not task.thermal:
        raise ConfigError(f"--level is for visible and thermal pictures, not for {name}; leave it out")
    plan = plan_pictures(pictures, output, task)
    registration = RegistrationSettings(file=calibration, distance_m=distance_m)
    network, chosen = _load_network(model, weights, device, precision, verbose)
    if task.thermal:
        network = levelled(network, FusionSettings(model=model, weights=weights, level=level).used_level)
    fuse = _fuser(task, network, chosen, (visible_colour, thermal_colour), registration)
    failed = _fuse_all(plan.groups, fuse, quiet)
    if not quiet:
        _tell_outcome(plan, len(failed), task)
    if failed:
        raise (
            failed[0]
            if len(plan.groups) == 1
            else SourceError(
                f"{len(failed)} of {len(plan.groups)} {_unit(task)}s could not be fused; "
                f"the first: {failed[0]}"
            )
        )


def _of_two_cameras() -> list[str]:
    return [task.name for task in TASKS.values() if task.two_cameras]


def _unit(task: Task) -> str:
    return {2: "pair", 1: "picture"}.get(task.most or 0, "group")


def _load_network(
    model: Kind, weights: str, device: Device, precision: Precision, verbose: bool
) -> tuple[Network, torch.device]:
    from gifnet.loading import load_network
    from stream.device.context import choose_device, explain_device
    from stream.device.errors import mapped_cuda_errors

    chosen = choose_device(device)
    if verbose:
        click.echo(f"gifnet: the network runs on {chosen}: {explain_device(device, chosen)}", err=True)
    with mapped_cuda_errors():
        return load_network(model, weights, str(chosen), precision), chosen


def _fuser(
    task: Task,
    network: Network,
    device: torch.device,
    colours: tuple[bool | None, bool | None],
    registration: RegistrationSettings,
) -> Callable[[PictureGroup], None]:
    from stream.device.errors import mapped_cuda_errors
    from stream.stills.group import GroupFuser

    whole = GroupFuser(task, network, device, colours, registration)

    def fuse(group: PictureGroup) -> None:
        with mapped_cuda_errors():
            whole(group)

    return fuse


def _fuse_all(
    groups: list[PictureGroup], fuse: Callable[[PictureGroup], None], quiet: bool
) -> list[SourceError]:
    """Fuse every group that can be; the errors of the others."""
    failed = []
    with StopSignals() as stop:
        for group in stop.watch(_with_progress(groups, quiet)):
            try:
                fuse(group)
            except SourceError as error:
                failed.append(error)
    return failed


def _with_progress(groups: list[PictureGroup], quiet: bool) -> Iterable[PictureGroup]:
    """The groups, with a bar on standard error while they are worked off."""
    from rich.console import Console
    from rich.progress import track

    hidden = quiet or len(groups) < 2 or not sys.stderr.isatty()
    return track(groups, "fusing", console=Console(stderr=True), transient=True, disable=hidden)


def _tell_outcome(plan: Plan, failed: int, task: Task) -> None:
    fused = len(plan.groups) - failed
    if fused:
        last = plan.groups[-1].output
        place = last if len(plan.groups) == 1 else last.parent
        click.echo(f"fused {fused} {_unit(task)}{'' if fused == 1 else 's'} to {place}", err=True)
    if plan.alone:
        names = ", ".join(path.name for path in plan.alone[:3]) + (", ..." if len(plan.alone) > 3 else "")
        click.echo(f"left alone, without a partner of the same name: {len(plan.alone)} ({names})", err=True)
