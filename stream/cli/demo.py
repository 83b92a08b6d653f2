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
@click.option("--scene", default=STREET, hidden=True, help="The generated scene.")
@verbosity_options
@click.pass_context
def demo(ctx: click.Context, /, folder: Path, scene: str, quiet: bool, **_: Any) -> None:
    """Fuse a generated night street, where people walk whom only the thermal camera sees."""
    from stream.render.contact_sheet import ContactSheet

    named = named_settings(ctx) | {"visible": scene, "thermal": scene}
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
