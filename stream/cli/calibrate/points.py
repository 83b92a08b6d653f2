"""`gifnet calibrate points`: points picked by hand on a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream.cli.help_groups import GroupedHelp
from stream.cli.logs import set_up_logs
from stream.cli.options import named_settings, setting_options
from stream.config import NAMES, FuseSettings, validate
from stream.config.merge import overlay
from stream.errors import CalibrationError

_SETTINGS = [name for name in NAMES if name.startswith(("visible_", "thermal_"))]
_SETTINGS += ["offset_ms", "tolerance_ms"]
LOOK_S = 0.2


@click.command(cls=GroupedHelp)
@click.argument("visible")
@click.argument("thermal")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Calibration file to write."
)
@click.option(
    "--distance-m", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True,
    help="Distance of what is picked.",
)  # fmt: skip
@click.option("--add", is_flag=True, help="Add this distance to the file that is there.")
@click.option("--bind", default="127.0.0.1:8090", show_default=True, help="HOST:PORT of the page.")
@setting_options(_SETTINGS)
@click.pass_context
def points(
    ctx: click.Context,
    /,
    visible: str,
    thermal: str,
    output: Path,
    distance_m: float,
    add: bool,
    bind: str,
    **_: Any,
) -> None:
    """Pick the same things in VISIBLE and THERMAL on a page, and see the two pictures come together.

    Four pairs of points are enough; the fifth and further ones show how good they are. The command ends when
    the page saves the file.
    """
    from stream.calibrate.frame_pairs import open_pairs
    from stream.calibrate.points.page import serve_points
    from stream.calibrate.points.session import PointsSession
    from stream.runtime.clock import SystemClock
    from stream.web.address import parse_address

    set_up_logs()
    if output.exists() and not add:
        raise CalibrationError(f"{output} is there already; name another file, or --add a distance to it")
    address = parse_address(bind, "--bind")
    named = {
        name: value for name, value in named_settings(ctx).items() if name not in ("output", "distance_m")
    }
    settings = validate(FuseSettings, overlay({}, named), "the command line")
    with open_pairs(settings) as pairs:
        session = PointsSession(pairs, output, distance_m, add)
        with serve_points(session, address, SystemClock()) as where:
            click.echo(f"gifnet: pick points at {where}", err=True)
            # In steps, so that Ctrl-C is heard.
            while not session.done.wait(LOOK_S):
                pass
    click.echo(
        f"gifnet: {output} is written; check it by gifnet calibrate check {output} {visible} {thermal}"
    )
