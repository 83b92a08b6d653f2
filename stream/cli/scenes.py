"""`gifnet scenes`: generated pairs with known truth in a folder, for training and tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from stream.config import InputSettings
from stream.errors import SinkError, SourceError

if TYPE_CHECKING:
    from stream.frame import Pixels
    from stream.sources.synthetic import SyntheticSource

# Long enough that the moments of one street differ.
SPACING_S = 1.7
LOW_PERCENTILE, HIGH_PERCENTILE = 1.0, 99.5


@click.command()
@click.argument("uri", default="synthetic://street")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder, made when missing."
)
@click.option("--count", default=100, show_default=True, type=click.IntRange(1), help="Pairs to write.")
@click.option(
    "--seeds", default=1, show_default=True, type=click.IntRange(1), help="Streets they are spread over."
)
@click.option(
    "--bits", default="16", show_default=True, type=click.Choice(["8", "16"]), help="Of thermal files."
)
@click.option(
    "--hard",
    is_flag=True,
    help="Conditions of its own for each street, drawn from its seed: night, smoke, glare, rain, camouflage "
    "or heat; many people and vehicles are then seen by one camera alone.",
)
@click.option(
    "--labels",
    is_flag=True,
    help="Also write labels.json (COCO: boxes of what is seen) and labels/*.png (0 street, 1 person, "
    "2 vehicle).",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def scenes(
    uri: str, output: Path, count: int, seeds: int, bits: str, hard: bool, labels: bool, quiet: bool
) -> None:
    """Write generated pairs with known truth to a folder.

    URI is synthetic://street with options; its seed is that of the first street. Written are visible/*.png in
    RGB, thermal/*.png with raw counts (with --bits 8: stretched from the 1st to the 99.5th percentile), and
    truth.jsonl with a line for each pair.
    """
    from rich.console import Console
    from rich.progress import track

    from stream.synthetic.label_book import LabelBook

    moments = _moments(uri, count, min(seeds, count), hard)
    # The first street is laid out before anything is made on disk, so that a wrong URI leaves nothing behind.
    first = next(moments)
    try:
        _make_folders(output, labels)
        book = LabelBook(output) if labels else None
        with (output / "truth.jsonl").open("w", encoding="utf-8") as truth:
            console = Console(stderr=True)
            for index in track(range(count), "scenes", console=console, transient=True, disable=quiet):
                street, time_s = first if index == 0 else next(moments)
                line = _write_pair(street, time_s, output, f"{index:06d}.png", int(bits))
                truth.write(json.dumps(line) + "\n")
                if book:
                    book.add(street.street, time_s, f"{index:06d}.png")
        if book:
            book.close()
    except OSError as error:
        raise SinkError(f"{error.filename or output} cannot be written: {error.strerror}") from None


def _moments(uri: str, count: int, streets: int, hard: bool) -> Iterator[tuple[SyntheticSource, float]]:
    """Streets and times, `count` of them, evenly spread over the streets."""
    for turn in range(streets):
        street = _open_street(uri, turn, hard)
        for position in range(turn * count // streets, (turn + 1) * count // streets):
            yield street, (position - turn * count // streets) * SPACING_S


def _open_street(text: str, turn: int, hard: bool) -> SyntheticSource:
    """The street of a URI, with its seed moved on by `turn`; what the URI says wins over drawn conditions."""
    from stream.sources.options import integer_option
    from stream.sources.synthetic import SyntheticSource
    from stream.synthetic.conditions import draw_conditions
    from stream.uri import parse_uri

    uri = parse_uri(text)
    if uri.scheme != "synthetic":
        raise SourceError(f"{uri} is not a generated scene; give synthetic://street with options")
    seed = integer_option(uri, "seed", 1, 0, 2**31 - 1) + turn
    options = (draw_conditions(seed) if hard else {}) | {**uri.options, "seed": seed}
    moved = f"synthetic://{uri.path}?{urlencode(options)}"
    return SyntheticSource(InputSettings(uri=moved), parse_uri(moved), "thermal")


def _make_folders(output: Path, labels: bool) -> None:
    for name in ("visible", "thermal", *(["labels"] if labels else [])):
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SinkError(f"{folder} is not empty; name a new folder, or empty this one")


def _write_pair(street: SyntheticSource, time_s: float, output: Path, name: str, bits: int) -> dict[str, Any]:
    from dataclasses import asdict

    world = street.street
    thermal = world.thermal(time_s, street.info.bits)
    _write_png(output / "visible" / name, world.visible(time_s)[..., ::-1])
    _write_png(output / "thermal" / name, _stretched(thermal) if bits == 8 else thermal)
    truth = world.truth(time_s)
    return {
        "visible": f"visible/{name}",
        "thermal": f"thermal/{name}",
        "seed": world.layout.seed,
        "light": world.layout.light,
        "time_s": round(time_s, 6),
        "offset_ms": truth.offset_ms,
        "visible_from_thermal": truth.visible_from_thermal.round(9).tolist(),
        "boxes": [_rounded(asdict(box)) for box in truth.boxes],
    }


def _rounded(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in facts.items()}


def _stretched(counts: Pixels) -> Pixels:
    import numpy as np

    low, high = np.percentile(counts, [LOW_PERCENTILE, HIGH_PERCENTILE])
    return np.asarray(np.clip((counts - low) * (255 / max(high - low, 1)) + 0.5, 0, 255), np.uint8)


def _write_png(path: Path, pixels: Pixels) -> None:
    import cv2

    _, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    path.write_bytes(data.tobytes())
