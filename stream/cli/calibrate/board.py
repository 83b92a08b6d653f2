"""`gifnet calibrate board`: from pictures of a board that both cameras see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from stream.cli.help_groups import GroupedHelp
from stream.cli.logs import set_up_logs
from stream.cli.options import named_settings, setting_options
from stream.config import NAMES, FuseSettings, validate
from stream.config.merge import overlay
from stream.errors import CalibrationError

if TYPE_CHECKING:
    from stream.calibrate.board.views import View

_SETTINGS = [name for name in NAMES if name.startswith(("visible_", "thermal_"))]
_SETTINGS += ["offset_ms", "tolerance_ms"]
# Options of this command that are settings of a run by the same name.
_OWN = ("output", "report", "distance_m", "model")


@click.command(cls=GroupedHelp)
@click.argument("visible")
@click.argument("thermal", required=False)
@click.option(
    "--board", "named", required=True, metavar="KIND:COLSxROWS:SIZE",
    help="checkerboard:9x6:25mm (inner corners), circles:…, acircles:… or charuco:… (squares).",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Calibration file to write."
)
@click.option(
    "--model", type=click.Choice(["stereo", "homography"]), default="stereo", show_default=True,
    help="stereo: two positions, for scenes at any distance; homography: for one distance.",
)  # fmt: skip
@click.option(
    "--distance-m", type=click.FloatRange(min=0, min_open=True),
    help="Distance of the scene, for the file; without it, the board's.",
)  # fmt: skip
@click.option(
    "--skip", type=click.IntRange(min=0),
    help="Pairs to pass by after each; without it none of folders, half a second of streams.",
)  # fmt: skip
@click.option(
    "--views", "most", type=click.IntRange(min=1, max=500), default=50, show_default=True,
    help="Views to use at most.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=600.0, show_default=True,
    help="Seconds of the streams to look at.",
)  # fmt: skip
@click.option("--report", type=click.Path(path_type=Path), help="HTML file with pictures to judge by eye.")
@setting_options(_SETTINGS)
@click.pass_context
def board(
    ctx: click.Context,
    /,
    visible: str,
    thermal: str | None,
    named: str,
    output: Path,
    model: Literal["stereo", "homography"],
    distance_m: float | None,
    skip: int | None,
    most: int,
    seconds: float,
    report: Path | None,
    **_: Any,
) -> None:
    """Calibrate two cameras from a board that both see in VISIBLE and THERMAL.

    Two folders of pictures, two videos, or one folder made by gifnet record. Writes nothing where the views
    would give a bad calibration, and says why.
    """
    from stream.calibrate.board.calibrate import calibrate_board
    from stream.calibrate.board.report import build_report, numbers
    from stream.calibrate.board.targets import parse_board
    from stream.calibrate.board.views import collect, open_shots, sources
    from stream.calibrate.html_report import write_report
    from stream.registration.calibration import save_calibration
    from stream.runtime.clock import SystemClock, utc_date
    from stream.runtime.signals import StopSignals

    set_up_logs()
    wanted = parse_board(named)
    _check_output(output)
    visible, thermal = sources(visible, thermal)
    given = {name: value for name, value in named_settings(ctx).items() if name not in _OWN}
    given |= {"visible": visible, "thermal": thermal}
    settings = validate(FuseSettings, overlay({}, given), "the command line")
    with StopSignals() as stop:
        shots = open_shots(settings, skip, seconds, lambda: not stop.asked)
        views = collect(shots, wanted, most, _tell)
    made_by = f"gifnet calibrate board --board {wanted} --model {model}"
    date = utc_date(SystemClock())
    outcome = calibrate_board(views, wanted, model, distance_m, date, made_by)
    if report:
        write_report(report, build_report(outcome, f"Calibration {output.name}"))
    click.echo("\n".join(f"{name:15}{value:34} {meaning}" for name, value, meaning in numbers(outcome)))
    for hint in outcome.hints:
        click.echo(f"gifnet: {hint}", err=True)
    if outcome.calibration is None:
        raise CalibrationError(outcome.refusal)
    save_calibration(outcome.calibration, output)
    click.echo(f"gifnet: {output} is written; judge it by --report, check it by gifnet calibrate check")


def _check_output(output: Path) -> None:
    """Before minutes of work."""
    if output.exists():
        raise CalibrationError(f"{output} is there already; name another file, or remove it")
    if not output.absolute().parent.is_dir():
        raise CalibrationError(f"the folder of {output} does not exist; make it first")


def _tell(looked: int, view: View) -> None:
    seen = " and ".join(side for side in ("visible", "thermal") if getattr(view, side))
    click.echo(f"gifnet: {looked:4}  {view.shot.name}: {seen or 'no board'}", err=True)
