"""Arguments and endings that the commands of `gifnet fleet` share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.errors import ConfigError

if TYPE_CHECKING:
    from stream.config.many.fleet import FleetSettings
    from stream.fleet.cluster.client import FleetClient

FAILED_STATUS = 3

FLEET = click.argument("fleet_file", metavar="FLEET", type=click.Path(path_type=Path))
RAY = click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Ray cluster: HOST:PORT of its head, or auto for the one of this machine; over `ray` in FLEET.",
)


@contextmanager
def opened(fleet_file: Path, address: str | None) -> Iterator[tuple[FleetClient, FleetSettings]]:
    """The fleet of a file, on its cluster: by `--ray`, the file, or the one of this machine."""
    from stream.fleet.cluster.client import open_fleet
    from stream.fleet.pairs import load_fleet_settings

    settings = load_fleet_settings(fleet_file)
    address = address or settings.ray or "auto"
    if address == "local":
        raise ConfigError(
            "a fleet needs a cluster that stays when the command ends: HOST:PORT of its head node, or auto "
            "for the one of this machine, begun by `ray start --head`; got local"
        )
    with open_fleet(settings, address) as client:
        yield client, settings


def exit_unless_running(ctx: click.Context, pairs: Sequence[dict[str, Any]]) -> None:
    """End with status 3 where a pair that is not drained does not run."""
    if any(pair["state"] not in ("running", "drained") for pair in pairs):
        ctx.exit(FAILED_STATUS)
