"""`gifnet calibrate check`: how well a calibration fits a recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.help_groups import GroupedHelp
from stream.cli.logs import set_up_logs
from stream.cli.options import named_settings, setting_options
from stream.config import NAMES, FuseSettings, validate
from stream.config.merge import overlay
from stream.errors import CalibrationError

if TYPE_CHECKING:
    from stream.calibrate.check.measure import Check

_SETTINGS = [name for name in NAMES if name.startswith(("visible_", "thermal_"))]
_SETTINGS += ["distance_m", "offset_ms", "tolerance_ms"]


@click.command(cls=GroupedHelp)
@click.argument("calibration", type=click.Path(path_type=Path))
@click.argument("visible")
@click.argument("thermal")
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=60.0, show_default=True,
    help="Seconds of the streams to look at.",
)  # fmt: skip
@click.option("--report", type=click.Path(path_type=Path), help="HTML file with pictures to judge by eye.")
@click.option(
    "--write-baseline", is_flag=True, help="Keep the agreement in the file, to tell drift by later."
)
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")
@setting_options(_SETTINGS)
@click.pass_context
def check(
    ctx: click.Context,
    /,
    calibration: Path,
    visible: str,
    thermal: str,
    seconds: float,
    report: Path | None,
    write_baseline: bool,
    as_json: bool,
    **_: Any,
) -> None:
    """Measure how well CALIBRATION fits VISIBLE and THERMAL, two live or recorded streams.

    What is left of misalignment is measured in visible pixels where both cameras see edges. Ends with an
    error where the calibration is off, or where the pictures show too little to tell.
    """
    from stream.calibrate.check.measure import check_recording
    from stream.calibrate.check.report import as_json as plain
    from stream.calibrate.check.report import build_report, hints, numbers, sentence
    from stream.calibrate.html_report import write_report
    from stream.runtime.signals import StopSignals

    set_up_logs()
    # The report of a run is a setting; this one is not.
    named = {name: value for name, value in named_settings(ctx).items() if name != "report"}
    named["calibration"] = str(calibration)
    settings = validate(FuseSettings, overlay({}, named), "the command line")
    with StopSignals() as stop:
        found, frame = check_recording(settings, seconds, lambda: not stop.asked)
    if report:
        write_report(report, build_report(found, frame, f"Check of {calibration.name}"))
    if as_json:
        click.echo(json.dumps(plain(found), allow_nan=False))
    else:
        click.echo("\n".join(f"{name:15}{value:34} {meaning}" for name, value, meaning in numbers(found)))
    if found.verdict in ("off", "unclear"):
        raise CalibrationError("; ".join([sentence(found), *hints(found)]))
    if not as_json:
        click.echo("\n".join([sentence(found), *hints(found)]))
    if write_baseline:
        _write_baseline(calibration, found)
        click.echo(f"gifnet: the baseline is now in {calibration}", err=True)


def _write_baseline(path: Path, found: Check) -> None:
    from stream.calibrate.check.measure import with_baseline
    from stream.registration.calibration import load_calibration, save_calibration

    save_calibration(with_baseline(load_calibration(path), found), path)
