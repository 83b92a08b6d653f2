"""`gifnet calibrate scene`: from an ordinary recording, without a board."""

from __future__ import annotations

import json
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
_FOV = click.FloatRange(min=1, max=170)


@click.command(cls=GroupedHelp)
@click.argument("visible")
@click.argument("thermal")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Calibration file to write.")
@click.option("--visible-fov-deg", type=_FOV, help="Horizontal field of view of the visible camera.")
@click.option("--thermal-fov-deg", type=_FOV, help="Horizontal field of view of the thermal camera.")
@click.option(
    "--distance-m", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True,
    help="Distance of most of the scene.",
)  # fmt: skip
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Seconds of the streams to look at.",
)
@click.option("--report", type=click.Path(path_type=Path), help="HTML file with pictures to judge by eye.")
@click.option(
    "--accept", is_flag=True, help="Write the file although it is in doubt, after a look at the report."
)
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")
@setting_options(_SETTINGS)
@click.pass_context
def scene(
    ctx: click.Context,
    /,
    visible: str,
    thermal: str,
    output: Path | None,
    visible_fov_deg: float | None,
    thermal_fov_deg: float | None,
    distance_m: float,
    seconds: float,
    report: Path | None,
    accept: bool,
    as_json: bool,
    **_: Any,
) -> None:
    """Find how THERMAL lies on VISIBLE, two live or recorded streams of any scene with edges.

    What both see is aligned over many moments. Ends with an error, and writes no calibration,
    where that is not certain. Fields of view are not needed; both together make it faster and surer.
    """
    from stream.calibrate.html_report import write_report
    from stream.calibrate.scene.report import as_json as plain
    from stream.calibrate.scene.report import build_report, numbers, sentence
    from stream.calibrate.scene.run import Fields, align_moments, as_calibration, watch
    from stream.registration.calibration import save_calibration
    from stream.runtime.clock import SystemClock, utc_date
    from stream.runtime.signals import StopSignals

    set_up_logs()
    if output and output.exists():
        raise CalibrationError(f"{output} is there already; name another file, or remove it")
    names = ("output", "distance_m", "report")
    named = {name: value for name, value in named_settings(ctx).items() if name not in names}
    settings = validate(FuseSettings, overlay({}, named), "the command line")
    clock, fields = SystemClock(), Fields(visible_fov_deg, thermal_fov_deg)
    with StopSignals() as stop:
        moments = watch(settings, seconds, clock, lambda: not stop.asked)
    found = align_moments(moments, fields, lambda text: click.echo(f"gifnet: {text}", err=True))
    if report:
        write_report(report, build_report(found, moments, "Calibration by a scene"))
    if as_json:
        click.echo(json.dumps(plain(found), allow_nan=False))
    else:
        click.echo("\n".join(f"{name:12}{value:23} {meaning}" for name, value, meaning in numbers(found)))
    calibration = as_calibration(found, fields, distance_m, utc_date(clock), accept)
    if not as_json:
        click.echo(sentence(found))
    if output:
        save_calibration(calibration, output)
        click.echo(f"gifnet: {output} is written", err=True)
