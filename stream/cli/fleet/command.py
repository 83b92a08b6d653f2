"""`gifnet fleet`: many live pairs, each a `gifnet run` of its own."""

from __future__ import annotations

from pathlib import Path

import click

from stream.cli.fleet.cluster import down, drain, logs, move, up, update
from stream.cli.fleet.shared import FLEET, RAY, exit_unless_running, opened
from stream.cli.fleet.told import show_rows, told_json


@click.group()
def fleet() -> None:
    """Many live pairs, on a Ray cluster or as units of systemd.

    check and systemd need no cluster; up, update, move, drain, logs and down are for one; status is for both.
    """


@fleet.command()
@FLEET
def check(fleet_file: Path) -> None:
    """Check the pairs of FLEET, a YAML file: each configuration, and ports and files that two would take."""
    from stream.fleet.pairs import load_fleet

    for pair in load_fleet(fleet_file):
        click.echo(f"{pair.name}: gifnet {' '.join(pair.words())}")


@fleet.command()
@FLEET
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
@FLEET
@RAY
@click.option("--json", "as_json", is_flag=True, help="Write everything that is known, as one JSON document.")
@click.pass_context
def status(ctx: click.Context, fleet_file: Path, address: str | None, as_json: bool) -> None:
    """Show how every pair of FLEET is; exit status 3 where one is not running.

    On a cluster, counts are those since each pair was first started. Without `ray` in FLEET and without
    --ray, each pair of this machine is asked for its own numbers.
    """
    from stream.fleet.pairs import load_fleet, load_fleet_settings

    settings = load_fleet_settings(fleet_file)
    if address is None and settings.ray is None:
        from stream.fleet.status import ask_all

        told_json(ctx, ask_all(load_fleet(fleet_file)), as_json)
        return
    with opened(fleet_file, address) as (client, _):
        table = client.ask("table")
    show_rows(table, as_json, [name for name in settings.pairs if isinstance(name, str)])
    exit_unless_running(ctx, table["pairs"])


for _command in (up, update, move, drain, logs, down):
    fleet.add_command(_command)
