"""`gifnet setup`: from two sources to one configuration file that runs."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.help_groups import GroupedHelp
from stream.cli.logs import set_up_logs
from stream.cli.options import named_settings, setting_options
from stream.config import NAMES

if TYPE_CHECKING:
    from stream.setup.session import HandSession

_SETTINGS = ["pair", *(name for name in NAMES if name.startswith(("visible_", "thermal_")))]
_SETTINGS += ["offset_ms", "tolerance_ms", "calibration", "model"]
LOOK_S = 0.2


@click.command(cls=GroupedHelp)
@click.argument("visible", required=False)
@click.argument("thermal", required=False)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Configuration file to write, pair.yaml.",
)
@click.option("--overwrite", is_flag=True, help="Write over files that are there.")
@click.option(
    "--page/--no-page", default=None,
    help="Open a page to align the pictures by hand where that does not go by itself; by default in a "
    "terminal.",
)  # fmt: skip
@click.option("--bind", default="127.0.0.1:8091", show_default=True, help="HOST:PORT of the page.")
@click.option("--by-hand", is_flag=True, help="Go to the page at once.")
@click.option("--anyway", is_flag=True, help="Go on although something looks wrong.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=30.0,
    show_default=True,
    help="Seconds of the streams to look at.",
)
@click.option(
    "--distance-m", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True,
    help="Distance of most of the scene.",
)  # fmt: skip
@setting_options(_SETTINGS)
@click.pass_context
def setup(
    ctx: click.Context,
    /,
    visible: str | None,
    thermal: str | None,
    output: Path,
    overwrite: bool,
    page: bool | None,
    bind: str,
    by_hand: bool,
    anyway: bool,
    seconds: float,
    distance_m: float,
    **_: Any,
) -> None:
    """Look at VISIBLE and THERMAL, two recordings or cameras, and write a file that gifnet run fuses them by.

    Likely mistakes are said; the offset of the clocks is found; the pictures are aligned, on a page where
    that does not go by itself; the machine is measured and the model chosen.
    """
    from stream.runtime.clock import SystemClock
    from stream.setup.run import Setup, Wanted
    from stream.setup.steps import Steps
    from stream.setup.written import place_of
    from stream.web.address import parse_address

    set_up_logs(quiet=True)
    place, address, clock = place_of(output), parse_address(bind, "--bind"), SystemClock()
    others = ("output", "distance_m")
    named = {name: value for name, value in named_settings(ctx).items() if name not in others}
    place.check(overwrite, "calibration" in named)
    steps = Steps(click.echo)

    with ExitStack() as stack:

        def align_by_hand(session: HandSession) -> None:
            from stream.setup.page import serve_setup

            where = stack.enter_context(serve_setup(session, steps, address, clock))
            click.echo(f"    > open {where}")
            if sys.stdin.isatty() and _has_screen():
                click.launch(where)
            # In steps, so that Ctrl-C is heard.
            while not session.done.wait(LOOK_S):
                pass

        serves = sys.stdin.isatty() if page is None else page
        wanted = Wanted(named, seconds, distance_m, anyway, by_hand)
        command = Setup(wanted, place, steps, clock, align_by_hand if serves else None).run()
    click.echo(f"next: {command}")


def _has_screen() -> bool:
    """True where a browser window can open, so that no text browser takes the terminal."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
