"""`gifnet fleet up | update | move | drain | logs | down`: a fleet on a Ray cluster."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.fleet.shared import FAILED_STATUS, FLEET, RAY, exit_unless_running, opened
from stream.cli.fleet.told import tell_applied
from stream.config.many.fleet import LABEL
from stream.errors import ConfigError

if TYPE_CHECKING:
    from stream.fleet.cluster.client import FleetClient
    from stream.fleet.cluster.spec import PairSpec

# Longer than a pair takes to end and to begin again on a busy machine.
LONGEST_END_S = 60.0
_LOOK_EVERY_S = 0.5
_WAIT = click.option(
    "--wait", "wait_s", type=click.FloatRange(0, 86400), default=60.0, show_default=True, metavar="SECONDS",
    help="Longest wait for a pair to fuse.",
)  # fmt: skip


@click.command()
@FLEET
@RAY
@click.option("--prune", is_flag=True, help="End pairs that FLEET does not have any more.")
@_WAIT
@click.pass_context
def up(ctx: click.Context, fleet_file: Path, address: str | None, prune: bool, wait_s: float) -> None:
    """Start what is missing of FLEET on a cluster; what runs goes on as it is.

    Pairs that changed in FLEET, or that it does not have any more, are named and left alone. Exit status
    3 where a pair does not run in the end; it is tried again all the same. Ctrl-C ends the waiting alone.
    """
    with opened(fleet_file, address) as (client, _):
        specs = _specs(fleet_file, client)
        client.examine(specs)
        client.ensure_controller()
        tell_applied(client.ask("apply", [spec.as_json() for spec in specs], prune))
        pairs = _wait_for_all(client, wait_s)
    exit_unless_running(ctx, pairs)


@click.command()
@FLEET
@click.argument("names", metavar="[PAIR]...", nargs=-1)
@RAY
@_WAIT
@click.pass_context
def update(
    ctx: click.Context, fleet_file: Path, names: tuple[str, ...], address: str | None, wait_s: float
) -> None:
    """Give pairs of a cluster what FLEET says now, one after another.

    Those that changed, or those that are named. Each must fuse before the next begins; the first that does
    not ends the update.
    """
    with opened(fleet_file, address) as (client, _):
        specs = {spec.name: spec for spec in _specs(fleet_file, client)}
        running = client.ask("specs")
        if unknown := sorted(set(names) - set(specs)):
            raise ConfigError(f"{fleet_file} has no pair {', '.join(unknown)}; it has {', '.join(specs)}")
        if missing := sorted(set(names) - set(running)):
            raise ConfigError(f"{', '.join(missing)}: not started yet; `gifnet fleet up` starts it")
        changed = [
            name for name, spec in specs.items() if running.get(name, spec.as_json()) != spec.as_json()
        ]
        todo = list(names or changed)
        client.examine([specs[name] for name in todo])
        for number, name in enumerate(todo):
            client.ask("update", specs[name].as_json())
            if why := _wait_for_one(client, name, wait_s):
                left = ", ".join(todo[number + 1 :]) or "none"
                click.echo(
                    f"{name}: does not fuse within {wait_s:g} s ({why}); not updated: {left}", err=True
                )
                ctx.exit(FAILED_STATUS)
            click.echo(f"{name}: updated")
    if not todo:
        click.echo("nothing changed; name a pair to start it again")


@click.command()
@FLEET
@click.argument("name", metavar="PAIR")
@RAY
@click.option("--to", "label", metavar="KEY=VALUE", required=True, help="Label of the nodes it is to run on.")
@_WAIT
@click.pass_context
def move(
    ctx: click.Context, fleet_file: Path, name: str, address: str | None, label: str, wait_s: float
) -> None:
    """End a pair gracefully, and start it on a node with another label.

    It stays there until `gifnet fleet update PAIR` takes it back to what FLEET says.
    """
    if not re.match(LABEL, label):
        raise ConfigError(f"--to takes a label of a node, KEY=VALUE as in site=gate, got {label}")
    with opened(fleet_file, address) as (client, _):
        client.ask("move", name, label)
        if why := _wait_for_one(client, name, wait_s):
            click.echo(f"{name}: {why}", err=True)
            ctx.exit(FAILED_STATUS)
        node = next(pair["node"] for pair in client.ask("table")["pairs"] if pair["name"] == name)
        click.echo(f"{name}: runs on {node}")


@click.command()
@FLEET
@click.argument("name", metavar="NODE|PAIR")
@RAY
@click.option("--undo", is_flag=True, help="Let pairs run there again.")
@click.pass_context
def drain(ctx: click.Context, fleet_file: Path, name: str, address: str | None, undo: bool) -> None:
    """End a pair gracefully and keep it off; or move all pairs off a node, and keep them off it.

    A node is drained until --undo, or until Ray is started again on it.
    """
    with opened(fleet_file, address) as (client, _):
        kind = client.ask("drain", name, not undo)
        if undo:
            click.echo(f"{kind} {name}: drained no longer")
            return
        end_s = time.monotonic() + LONGEST_END_S
        while left := _left_at(client.ask("table")["pairs"], kind, name):
            if time.monotonic() > end_s:
                click.echo(
                    f"{kind} {name}: still there after {LONGEST_END_S:g} s: {', '.join(left)}", err=True
                )
                ctx.exit(FAILED_STATUS)
            time.sleep(_LOOK_EVERY_S)
        click.echo(f"{kind} {name}: drained")


@click.command()
@FLEET
@click.argument("name", metavar="PAIR")
@RAY
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("-n", "--lines", "most", type=click.IntRange(0, 2000), default=50, show_default=True)
def logs(fleet_file: Path, name: str, address: str | None, follow: bool, most: int) -> None:
    """Show the newest lines that a pair has written, from the node where it is."""
    with opened(fleet_file, address) as (client, _):
        number, lines = client.log(name, -1, most)
        while True:
            for line in lines:
                click.echo(line)
            if not follow:
                return
            time.sleep(_LOOK_EVERY_S)
            try:
                number, lines = client.log(name, number, 2000)
            except ConfigError as error:  # it is on its way to another node
                click.echo(f"gifnet: {error}", err=True)
                time.sleep(5 * _LOOK_EVERY_S)
                lines = []


@click.command()
@FLEET
@RAY
@click.pass_context
def down(ctx: click.Context, fleet_file: Path, address: str | None) -> None:
    """End all pairs of a fleet gracefully, and its controller; the cluster stays, and so do the counts."""
    with opened(fleet_file, address) as (client, _):
        client.ask("down")
        if not client.wait_until_gone(LONGEST_END_S):
            left = ", ".join(pair["name"] for pair in client.ask("table")["pairs"])
            click.echo(f"still there after {LONGEST_END_S:g} s: {left}", err=True)
            ctx.exit(FAILED_STATUS)
        client.end_controller()
        click.echo("all pairs have ended")


def _specs(fleet_file: Path, client: FleetClient) -> list[PairSpec]:
    from stream.fleet.cluster.specs import make_specs
    from stream.fleet.pairs import load_fleet

    return make_specs(load_fleet(fleet_file), client.folder, client.has_quick_starts)


def _wait_for_all(client: FleetClient, wait_s: float) -> list[dict[str, Any]]:
    """Tell each pair when it fuses; gives all of them when they do, or after a while."""
    told: set[str] = set()
    end_s = time.monotonic() + wait_s
    while True:
        pairs: list[dict[str, Any]] = client.ask("table")["pairs"]
        for pair in pairs:
            if pair["state"] == "running" and pair["name"] not in told:
                told.add(pair["name"])
                click.echo(f"{pair['name']}: runs on {pair['node']}")
        left = [pair for pair in pairs if pair["state"] not in ("running", "drained")]
        # A pair that no node can hold is not worth a wait.
        hopeful = [pair for pair in left if not pair["state"].startswith("waiting for a node")]
        if not hopeful or time.monotonic() > end_s:
            for pair in left:
                click.echo(
                    f"{pair['name']}: {pair['state']}{': ' if pair['why'] else ''}{pair['why']}", err=True
                )
            return pairs
        time.sleep(_LOOK_EVERY_S)


def _wait_for_one(client: FleetClient, name: str, wait_s: float) -> str:
    """Wait until a pair fuses by its newest settings; the reason why it does not, else empty."""
    end_s = time.monotonic() + wait_s
    while True:
        pair = next((pair for pair in client.ask("table")["pairs"] if pair["name"] == name), None)
        if pair is None:
            return "it was taken out of the fleet meanwhile"
        if pair["up_to_date"] and pair["state"] == "running":
            return ""
        if time.monotonic() > end_s:
            return f"{pair['state']}{': ' if pair['why'] else ''}{pair['why']}"
        time.sleep(_LOOK_EVERY_S)


def _left_at(pairs: list[dict[str, Any]], kind: str, name: str) -> list[str]:
    """Pairs that are still where they are not to be."""
    if kind == "node":
        return [pair["name"] for pair in pairs if pair["node"] == name]
    return [pair["name"] for pair in pairs if pair["name"] == name and pair["state"] != "drained"]
