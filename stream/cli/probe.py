"""`gifnet probe`: what is in files, folders and generated scenes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from fractions import Fraction
from itertools import islice
from typing import Any

import click

from stream.config import InputSettings
from stream.errors import SourceError

FIRST_TIMES = 3
# ITU-T H.273 code points that are common in video.
MATRICES = {0: "RGB", 1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 10: "BT.2020 constant luminance"}
UNSPECIFIED = 2
Facts = dict[str, Any]


@click.command()
@click.argument("uris", metavar="URI...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list for programs.")
@click.pass_context
def probe(ctx: click.Context, uris: tuple[str, ...], as_json: bool) -> None:
    """Tell what is in files, folders and other sources.

    Leaves with status 1 when one of them cannot be read, after telling of the others.
    """
    findings = [examine(uri) for uri in uris]
    if as_json:
        click.echo(json.dumps(findings, indent=2, ensure_ascii=False))
    else:
        _print_table([each for each in findings if "error" not in each])
    for problem in (each["error"] for each in findings if "error" in each):
        click.echo(f"gifnet: {problem}", err=True)
    if any("error" in each for each in findings):
        ctx.exit(1)


def examine(uri: str) -> Facts:
    """What is known of a source; only `uri` and `error` when it or its first frames cannot be read."""
    from stream.sources import open_source
    from stream.uri import mask

    try:
        with open_source(InputSettings(uri=uri), "visible") as source:
            return _facts(source)
    except SourceError as error:
        return {"uri": mask(uri), "error": str(error)}


def _facts(source: Any) -> Facts:
    info = source.info
    times_s = [frame.time_s for frame in islice(source, FIRST_TIMES)]
    duration_s = info.frames / info.rate if info.frames and info.rate else None
    return {
        "uri": info.uri,
        "width": info.width,
        "height": info.height,
        "rate": _number(info.rate),
        "frames": info.frames,
        "duration_s": _number(duration_s),
        "pixel_format": source.stored_format,
        "bits": source.stored_bits,
        "range": _range(source),
        "matrix": info.colour.matrix,
        "primaries": info.colour.primaries,
        "transfer": info.colour.transfer,
        "codec": info.codec,
        "rotation": source.rotation,
        "audio": info.audio,
        "time_base": str(info.time_base),
        "first_times_s": [_number(each) for each in times_s],
        "lost": dict(source.lost),
    }


def _range(source: Any) -> str:
    is_yuv = source.stored_format.startswith(("yuv", "nv", "p0"))
    return "limited" if is_yuv and not source.info.colour.full_range else "full"


def _number(value: Fraction | None) -> float | int | None:
    if value is None:
        return None
    return int(value) if value.denominator == 1 else round(float(value), 9)


def _print_table(findings: list[Facts]) -> None:
    """One column for each source, so that a pair can be compared line by line."""
    if not findings:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False)
    for _ in range(len(findings) + 1):
        table.add_column(overflow="fold")
    rows = [dict(_lines(each)) for each in findings]
    for title in rows[0]:
        table.add_row(title, *(row[title] for row in rows))
    Console(file=sys.stdout, highlight=False, markup=False).print(table)


def _lines(facts: Facts) -> Iterable[tuple[str, str]]:
    yield "source", facts["uri"]
    yield "size", f"{facts['width']}x{facts['height']}"
    yield "rate", f"{facts['rate']:g} frames/s" if facts["rate"] else "unknown"
    yield "frames", str(facts["frames"] or "unknown")
    yield "duration", f"{facts['duration_s']:.3f} s" if facts["duration_s"] else "unknown"
    yield "pixels", f"{facts['pixel_format']}, {facts['bits']} bits"
    yield "range", facts["range"]
    yield "matrix", _matrix(facts["matrix"])
    yield "codec", facts["codec"]
    yield "rotation", f"{facts['rotation']} degrees"
    yield "audio", "yes" if facts["audio"] else "no"
    yield "first times", ", ".join(f"{time_s:.3f}" for time_s in facts["first_times_s"]) + " s"
    yield "lost", ", ".join(f"{count} {reason}" for reason, count in facts["lost"].items()) or "none"


def _matrix(code: int) -> str:
    return "unspecified" if code == UNSPECIFIED else MATRICES.get(code, f"H.273 code {code}")
