"""`gifnet weights`: list, import, verify and fetch weights."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream.errors import WeightsError

if TYPE_CHECKING:
    from gifnet.inventory import Entry
    from gifnet.weights import Remote, State


@click.group()
def weights() -> None:
    """List, import, verify and fetch weights of the network."""


@weights.command("list")
def list_weights() -> None:
    """Show which weights there are, where, and under which licence."""
    from gifnet.inventory import inventory

    for entry in inventory():
        _show(entry.name, _lines(entry))


@weights.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_weights(file: Path) -> None:
    """Keep the authors' checkpoint FILE as published.

    It is checked strictly and nothing in it is run; use it with `--weights published`.
    """
    from gifnet.weights import import_published, read

    path = import_published(file)
    state = read(path)
    click.echo(f"kept as {path}; use it with --weights published")
    _show("published", _facts(state))


@weights.command()
@click.argument("names", metavar="[NAME|FILE]...", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Check parameters and fuse a trial picture.

    Without a NAME or FILE, all weights that are here are checked.
    """
    from gifnet.inventory import inventory
    from gifnet.inventory import verify as verify_file
    from gifnet.weight_places import resolve

    chosen = names or [entry.name for entry in inventory() if entry.present]
    if not chosen:
        raise WeightsError("there are no weights here; install gifnet-stream again")
    for name in chosen:
        _show(f"{name}: sound", _facts(verify_file(resolve(name))))


@weights.command()
@click.argument("name")
@click.option("--url", help="Address to fetch from, for weights without a known one.")
@click.option("--sha256", metavar="HEX", help="Expected SHA-256 of the file; needed with --url.")
@click.option("-y", "--yes", is_flag=True, help="Accept the note on the licence without being asked.")
def fetch(name: str, url: str | None, sha256: str | None, yes: bool) -> None:
    """Download the weights called NAME and check them.

    What was fetched before a connection broke is not fetched again.
    """
    from gifnet.download import download
    from gifnet.inventory import install
    from gifnet.weight_places import store

    remote = _remote(name, url, sha256)
    click.echo(f"{name}: {remote.note}", err=True)
    if not yes:
        _ask()
    with _progress(name) as tell:
        part = download(remote.url, remote.sha256, store() / f"{name}.download", remote.size_bytes, tell)
    path = install(part, name)
    click.echo(f"kept as {path}; use it with --weights {'published' if name == 'published' else path}")


def _remote(name: str, url: str | None, sha256: str | None) -> Remote:
    from gifnet.weights import SOURCES, Remote

    if not re.fullmatch(r"\w[\w.-]*", name) or name == "default":
        raise WeightsError(f"a name has letters, digits, '.', '_' and '-' and is not default, got {name!r}")
    if (url is None) != (sha256 is None):
        raise click.UsageError("--url and --sha256 go together: what is fetched must be known beforehand.")
    if url is not None and sha256 is not None:
        return Remote(url, sha256, "weights from a place that you name; their licence is not known here")
    if name not in SOURCES:
        raise WeightsError(
            f"no place is known for weights called {name}; known are {', '.join(SOURCES)}, "
            "others need --url and --sha256"
        )
    return SOURCES[name]


def _ask() -> None:
    if not sys.stdin.isatty():
        raise WeightsError(
            "nothing was downloaded, since there is no terminal to ask on; accept the note with --yes"
        )
    click.confirm("Download them?", abort=True, err=True)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int | None], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    with Progress(
        TextColumn(name), BarColumn(), DownloadColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(entry: Entry) -> dict[str, str]:
    if entry.state is not None:
        return {"file": str(entry.path), **_facts(entry.state), "licence": entry.note}
    if entry.problem:
        return {"file": str(entry.path), "problem": entry.problem, "licence": entry.note}
    return {"file": "not here" + _remedy(entry.name), "licence": entry.note}


def _remedy(name: str) -> str:
    if name == "published":
        return "; gifnet weights import FILE, or gifnet weights fetch published"
    return "; install gifnet-stream again"


def _facts(state: State) -> dict[str, str]:
    from gifnet.inventory import parameters, standing

    facts = {"parameters": f"{parameters(state):,}", "SHA-256": state.sha256}
    source = state.metadata.get("source_sha256")
    if source:
        pinned = (
            "the authors' file" if standing(state) == "pinned" else "not the file that this version knows"
        )
        facts["source"] = f"{source} ({pinned})"
    return facts


def _show(title: str, lines: dict[str, str]) -> None:
    click.echo(title)
    for key, value in lines.items():
        click.echo(f"  {key:<11}{value}")
