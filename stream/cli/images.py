"""`gifnet images`: two pictures, or two folders of pictures, for any fusion task."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream.cli.options import setting_options, verbosity_options
from stream.config import Device, Precision
from stream.errors import SourceError
from stream.runtime.signals import StopSignals

if TYPE_CHECKING:
    from gifnet.config import Kind
    from stream.stills.pairs import PicturePair, Plan


@click.command(
    epilog="For other tasks than visible and thermal, the published network's second input comes first: MRI "
    "then PET, far then near focus, PAN then a band."
)
@click.argument("visible", type=click.Path(path_type=Path))
@click.argument("thermal", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="PATH",
    help="A picture, or a folder: one that exists or ends with /.",
)
@click.option(
    "--visible-colour/--no-visible-colour",
    default=None,
    help="Keep the colour of VISIBLE, or take it as grey; by default as the file is.",
)
@click.option(
    "--thermal-colour/--no-thermal-colour",
    default=None,
    help="Keep the colour of THERMAL, or take it as grey; by default as the file is.",
)
@click.option(
    "--model",
    type=click.Choice(["full", "lite"]),
    default="full",
    show_default=True,
    help="Full: GIFNet; lite: the small network, many times faster on a CPU.",
)
@setting_options(["weights", "device", "precision"])
@verbosity_options
def images(
    visible: Path,
    thermal: Path,
    output: str,
    visible_colour: bool | None,
    thermal_colour: bool | None,
    model: Kind,
    weights: str,
    device: Device,
    precision: Precision,
    quiet: bool,
    verbose: bool,
) -> None:
    """Fuse VISIBLE and THERMAL, two pictures or two folders of pictures.

    Folders are paired by file name, or in order where no name agrees.
    """
    from stream.stills.pairs import plan_pictures

    plan = plan_pictures(visible, thermal, output)
    fuse = _fuser(model, weights, device, precision, (visible_colour, thermal_colour), verbose)
    failed = _fuse_all(plan.pairs, fuse, quiet)
    if not quiet:
        _tell_outcome(plan, len(failed))
    if failed:
        raise (
            failed[0]
            if len(plan.pairs) == 1
            else SourceError(
                f"{len(failed)} of {len(plan.pairs)} pairs could not be fused; the first: {failed[0]}"
            )
        )


def _fuser(
    model: Kind,
    weights: str,
    device: Device,
    precision: Precision,
    colours: tuple[bool | None, bool | None],
    verbose: bool,
) -> Callable[[PicturePair], None]:
    """Load the network; what comes back fuses one pair and writes it."""
    from gifnet.loading import load_network
    from stream.device.context import choose_device, explain_device
    from stream.device.errors import mapped_cuda_errors
    from stream.stills.fuse import fuse_pictures, load_picture, save_picture

    chosen = choose_device(device)
    if verbose:
        click.echo(f"gifnet: the network runs on {chosen}: {explain_device(device, chosen)}", err=True)
    with mapped_cuda_errors():
        network = load_network(model, weights, str(chosen), precision)

    def fuse(pair: PicturePair) -> None:
        with mapped_cuda_errors():
            visible = load_picture(pair.visible, colours[0], chosen)
            thermal = load_picture(pair.thermal, colours[1], chosen)
            fused = fuse_pictures(visible, thermal, network)
        save_picture(pair.output, fused)

    return fuse


def _fuse_all(
    pairs: list[PicturePair], fuse: Callable[[PicturePair], None], quiet: bool
) -> list[SourceError]:
    """Fuse every pair that can be; the errors of the others."""
    failed = []
    with StopSignals() as stop:
        for pair in stop.watch(_with_progress(pairs, quiet)):
            try:
                fuse(pair)
            except SourceError as error:
                failed.append(error)
    return failed


def _with_progress(pairs: list[PicturePair], quiet: bool) -> Iterable[PicturePair]:
    """The pairs, with a bar on standard error while they are worked off."""
    from rich.console import Console
    from rich.progress import track

    hidden = quiet or len(pairs) < 2 or not sys.stderr.isatty()
    return track(pairs, "fusing", console=Console(stderr=True), transient=True, disable=hidden)


def _tell_outcome(plan: Plan, failed: int) -> None:
    fused = len(plan.pairs) - failed
    if fused:
        last = plan.pairs[-1].output
        place = last if len(plan.pairs) == 1 else last.parent
        click.echo(f"fused {fused} {'pair' if fused == 1 else 'pairs'} to {place}", err=True)
    if plan.alone:
        names = ", ".join(path.name for path in plan.alone[:3]) + (", ..." if len(plan.alone) > 3 else "")
        click.echo(f"left alone, without a partner of the same name: {len(plan.alone)} ({names})", err=True)
