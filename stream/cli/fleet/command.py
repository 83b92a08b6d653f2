"""`gifnet fleet`: many live pairs, each a `gifnet run` of its own."""

from __future__ import annotations

from pathlib import Path

import click

FAILED_STATUS = 3

_FLEET = click.argument("fleet_file", metavar="FLEET", type=click.Path(path_type=Path))


@click.group()
def fleet() -> None:
    """Many live pairs: check their file, write units for systemd, and ask how they are."""


@fleet.command()
@_FLEET
def check(fleet_file: Path) -> None:
    """Check the pairs of FLEET, a YAML file: each configuration, and ports and files that two would take."""
    from stream.fleet.pairs import load_fleet

    for pair in load_fleet(fleet_file):
        click.echo(f"{pair.name}: gifnet {' '.join(pair.words())}")


@fleet.command()
@_FLEET
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False), required=True,
    help="Folder of units, such as /etc/systemd/system.",
)  # fmt: skip
@click.option("--user", default="gifnet", show_default=True, help="User and group that the units run as.")
def systemd(fleet_file: Path, folder: Path, user: str) -> None:
    """Write a unit of systemd for every pair of FLEET, and gifnet-fleet.target for all of them."""
    from stream.fleet.pairs import load_fleet
    from stream.fleet.systemd import TARGET, write_units

    changed, old = write_units(load_fleet(fleet_file), folder, user)
    for path in changed:
        click.echo(f"written  {path}")
    for path in old:
        click.echo(f"no more  {path}: sudo systemctl disable --now {path.name}, and remove it")
    if changed:
        units = " ".join(path.name for path in changed if path.name != TARGET)
        click.echo(f"then     sudo systemctl daemon-reload && sudo systemctl enable {units} {TARGET}")
        click.echo(f"         sudo systemctl start {TARGET}")


@fleet.command()
@_FLEET
@click.pass_context
def status(ctx: click.Context, fleet_file: Path) -> None:
    """Ask every pair of FLEET how it is, by its metrics or page; status 3 where one is not running."""
    from stream.fleet.pairs import load_fleet
    from stream.fleet.status import ask_all

    states = ask_all(load_fleet(fleet_file))
    width = max(len(state.name) for state in states)
    for state in states:
        counts = (
            "" if state.fused is None else f", {state.fused} fused, {sum(state.dropped.values())} dropped"
        )
        cameras = "".join(f", {side} {what}" for side, what in state.cameras.items())
        click.echo(f"{state.name:{width}}  {state.state}{counts}{cameras}")
    if any(state.state != "running" for state in states):
        ctx.exit(FAILED_STATUS)
