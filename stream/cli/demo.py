"""`gifnet demo`: fuse a generated night street and look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream.cli.options import named_settings, setting_options, verbosity_options
from stream.cli.run import fuse_and_tell
from stream.config import RunSettings, validate
from stream.config.merge import overlay

STREET = "synthetic://street?seed=1&size=384x288&rate=12.5&duration=6&light=night"
VIDEO, COMPARISON, SHEET = "fused.mp4", "side_by_side.mp4", "contact_sheet.png"
# For the page: a street at camera rate, rendered once beforehand so that fusion has the CPU.
CAMERAS = "synthetic://street?seed=1&size=640x480&rate=25&duration=4&light=night"
VISIBLE, THERMAL = "visible.mp4", "thermal.mp4"
PAGE = "127.0.0.1:8765"


@click.command()
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder for the results; made if it is not there.",
)
@setting_options(["weights", "device", "precision"])
@click.option(
    "--page",
    is_flag=False,
    flag_value=PAGE,
    metavar="[HOST:PORT]",
    help=f"Play a street like two cameras and show it on a page, fused by lite, until Ctrl-C.  [{PAGE}]",
)
@click.option("--page-s", type=click.FloatRange(min=0, min_open=True), help="End the page after so long.")
@click.option("--scene", help="The generated scene, synthetic://street?...", hidden=True)
@verbosity_options
@click.pass_context
def demo(
    ctx: click.Context,
    /,
    folder: Path,
    page: str | None,
    page_s: float | None,
    scene: str | None,
    quiet: bool,
    **_: Any,
) -> None:
    """Fuse a generated night street, where people walk whom only the thermal camera sees."""
    if page is None and page_s is not None:
        raise click.UsageError("--page-s goes with --page")
    named = named_settings(ctx)
    if page is None:
        _write(named, scene or STREET, folder, quiet)
    else:
        _show(named, scene or CAMERAS, folder, page, page_s, quiet)


def _show(
    named: dict[str, Any], scene: str, folder: Path, page: str, page_s: float | None, quiet: bool
) -> None:
    """Film the street, then play it like two cameras, fused at their rate, on a page."""
    _make(folder)
    views = (
        {"uri": str(folder / VISIBLE), "view": "visible"},
        {"uri": str(folder / THERMAL), "view": "thermal"},
    )
    film = {"outputs": list(views), "fusion": {"model": "null"}}
    street = {"visible": scene, "thermal": scene}
    fuse_and_tell(validate(RunSettings, overlay(film, street), "the demo"), quiet=True)
    cameras = {
        name: f"loop://{(folder / file).absolute()}"
        for name, file in (("visible", VISIBLE), ("thermal", THERMAL))
    }
    live = {"fusion": {"model": "lite"}, "preview": {"bind": page}, "duration_s": page_s}
    fuse_and_tell(validate(RunSettings, overlay(live, named | cameras), "the demo"), quiet)


def _write(named: dict[str, Any], scene: str, folder: Path, quiet: bool) -> None:
    """Fuse the street by full into files and a contact sheet."""
    from stream.render.contact_sheet import ContactSheet

    named = named | {"visible": scene, "thermal": scene}
    outputs = [
        {"uri": str(folder / VIDEO)},
        {"uri": str(folder / COMPARISON), "view": "side-by-side"},
    ]
    settings = validate(RunSettings, overlay({"outputs": outputs}, named), "the demo")
    _make(folder)
    sheet = ContactSheet()
    fuse_and_tell(settings, quiet, sheet.add)
    _save(folder / SHEET, sheet)
    if not quiet:
        click.echo(f"Look at {folder / SHEET}, then play {folder / VIDEO} and {folder / COMPARISON}.")
        click.echo("gifnet demo --page shows a street in the browser, fused at camera rate.")


def _make(folder: Path) -> None:
    from stream.errors import SinkError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"the folder {folder} cannot be made: {error.strerror}") from None


def _save(path: Path, sheet: Any) -> None:
    import cv2

    from stream.errors import SinkError

    done, content = cv2.imencode(".png", cv2.cvtColor(sheet.draw(), cv2.COLOR_RGB2BGR))
    assert done, "PNG takes every RGB picture"
    try:
        path.write_bytes(content.tobytes())
    except OSError as error:
        raise SinkError(f"{path} cannot be written: {error.strerror}") from None
