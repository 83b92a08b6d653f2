"""`gifnet images`: two pictures, or two folders of pictures, for any fusion task."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.options import setting_options, verbosity_options

if TYPE_CHECKING:
    from stream.picture import Network
    from stream.picture_pairs import PicturePair, Plan


@click.command(
    epilog="For other tasks than visible and thermal, the published network's second input comes first: MRI "
    "then PET, far then near focus, PAN then a band."
)
@click.argument("visible", type=click.Path(path_type=Path))
@click.argument("thermal", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, metavar="PATH", help="A picture, or a folder (ends with /).")
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
@setting_options(["weights", "device", "precision"])
@verbosity_options
def images(
    visible: Path,
    thermal: Path,
    output: str,
    visible_colour: bool | None,
    thermal_colour: bool | None,
    weights: str,
    device: Any,
    precision: str,
    quiet: bool,
    verbose: bool,
) -> None:
    """Fuse VISIBLE and THERMAL, two pictures or two folders of pictures.

    Folders are paired by file name, or in order where no name agrees.
    """
    from stream.picture_pairs import plan_pictures

    plan = plan_pictures(visible, thermal, output)

    import gifnet
    from stream.device import choose_device, explain_device

    chosen = choose_device(device)
    if verbose:
        print(f"gifnet: device {chosen} ({explain_device(device, chosen)})", file=sys.stderr)
    network = gifnet.load(weights, str(chosen), precision)
    fuse_all(plan, Job(network, chosen, visible_colour, thermal_colour), quiet)
