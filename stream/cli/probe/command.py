"""`gifnet probe`: what is in files, folders and generated scenes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from typing import Any

import click
import numpy as np

from stream.cli.probe.container import UNSPECIFIED, container_facts, container_lines
from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame
from stream.radiometry import as_json, from_json
from stream.runtime.clock import SystemClock

FIRST_TIMES = 3
LIVE_S = 2.0
# ITU-T H.273 code points that are common in video.
MATRICES = {0: "RGB", 1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 10: "BT.2020 constant luminance"}
Facts = dict[str, Any]
# Characters of the column of titles, and those that a source needs to be read with ease.
_TITLE_WIDTH, _COLUMN_WIDTH = 16, 30


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
    """Facts about a source; only `uri` and `error` when it or its first frames cannot be read."""
    from stream.sources import open_source
    from stream.uri import mask, parse_uri

    settings, parsed = InputSettings(uri=uri), parse_uri(uri)
    is_thermal = parsed.scheme == "thermal" or (
        parsed.scheme == "flir" and parsed.options.get("part", "thermal") == "thermal"
    )
    try:
        with open_source(settings, "thermal" if is_thermal else "visible") as source:
            facts = _facts(source)
        if is_thermal or not _is_deep_grey(facts):
            return facts
        with open_source(settings, "thermal") as source:
            return _facts(source)
    except SourceError as error:
        numbers = None if is_thermal else _as_numbers(settings)
        return numbers or {"uri": mask(uri), "error": str(error)}


def _as_numbers(settings: InputSettings) -> Facts | None:
    """Facts about degrees or other numbers that only the thermal side reads, None for anything else."""
    from stream.sources import open_source
    from stream.sources.live import is_live

    if is_live(settings.uri):
        return None
    try:
        with open_source(settings, "thermal") as source:
            facts = _facts(source)
    except SourceError:
        return None
    return facts if _is_deep_grey({**facts, "pixel_format": "gray"}) else None


def _is_deep_grey(facts: Facts) -> bool:
    """True when a recording seems to be of a thermal camera, whose counts are worth a look."""
    return facts["pixel_format"].startswith("gray") and facts["bits"] > 8 and not facts["live"]


def _facts(source: Any) -> Facts:
    info = source.info
    frames = list(_watched(source) if info.live else islice(source, FIRST_TIMES))
    times_s = [frame.time_s for frame in frames[:FIRST_TIMES]]
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
        **container_facts(source),
        "codec": info.codec,
        "rotation": source.rotation,
        "audio": info.audio,
        "time_base": str(info.time_base),
        "first_times_s": [_number(each) for each in times_s],
        "counts": _counts(frames),
        "radiometry": as_json(info.radiometry),
        "lost": dict(source.lost),
        "live": _live(frames) if info.live else None,
    }


def _counts(frames: list[Frame]) -> Facts | None:
    """Range of the raw counts of some frames, how many bits they take, and what they mean."""
    deep = [frame for frame in frames if frame.pixel_format == "gray16le"]
    if not deep:
        return None
    low, high = min(int(frame.pixels.min()) for frame in deep), max(int(frame.pixels.max()) for frame in deep)
    radiometry = deep[0].radiometry
    celsius = None if radiometry is None else [_finite(each) for each in radiometry.celsius([low, high])]
    return {"low": low, "high": high, "bits": high.bit_length(), "frames": len(deep), "celsius": celsius}


def _finite(value: float) -> float | None:
    return round(float(value), 2) if np.isfinite(value) else None


def _watched(source: Any) -> Iterator[Frame]:
    """Frames of two seconds of a camera."""
    first_s = None
    for frame in source:
        first_s = frame.arrived_s if first_s is None else first_s
        yield frame
        if frame.arrived_s - first_s > LIVE_S:
            return


def _live(frames: list[Frame]) -> Facts:
    """Timing of a camera's frames: rate, jitter, clock source and age."""
    times_s = np.array([float(frame.time_s) for frame in frames])
    steps_ms = np.diff(times_s) * 1000
    clock = SystemClock()
    ahead_s = clock.utc_ns() / 1e9 - clock.monotonic_s()
    ages_ms = [((frame.arrived_s or 0.0) + ahead_s - float(frame.time_s)) * 1000 for frame in frames]
    median_ms = float(np.median(steps_ms)) if len(steps_ms) else 0.0
    return {
        "clock": frames[-1].clock,
        "rate": round(1000 / median_ms, 2) if median_ms > 0 else None,
        "jitter_ms": round(float(np.quantile(np.abs(steps_ms - median_ms), 0.95)), 2) if len(steps_ms) else 0,
        "age_ms": round(float(np.median(ages_ms)), 1),
    }


def _range(source: Any) -> str:
    is_yuv = source.stored_format.startswith(("yuv", "nv", "p0"))
    colour = source.stored_colour or source.info.colour
    return "limited" if is_yuv and not colour.full_range else "full"


def _number(value: Fraction | None) -> float | int | None:
    if value is None:
        return None
    return int(value) if value.denominator == 1 else round(float(value), 9)


def _print_table(findings: list[Facts]) -> None:
    """One column for each source, so that a pair can be compared line by line; as many as the line holds."""
    if not findings:
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, highlight=False, markup=False)
    beside = max(1, (console.width - _TITLE_WIDTH) // _COLUMN_WIDTH)
    for begin in range(0, len(findings), beside):
        rows = [dict(_lines(each)) for each in findings[begin : begin + beside]]
        table = Table(show_header=False)
        table.add_column(no_wrap=True)
        for _ in rows:
            table.add_column(overflow="fold")
        for title in dict.fromkeys(title for row in rows for title in row):
            table.add_row(title, *(row.get(title, "") for row in rows))
        console.print(table)


def _lines(facts: Facts) -> Iterable[tuple[str, str]]:
    yield "source", facts["uri"]
    yield "size", f"{facts['width']}x{facts['height']}"
    yield "rate", f"{facts['rate']:g} frames/s" if facts["rate"] else "unknown"
    yield "frames", str(facts["frames"] or "unknown")
    yield "duration", f"{facts['duration_s']:.3f} s" if facts["duration_s"] else "unknown"
    yield "pixels", f"{facts['pixel_format']}, {facts['bits']} bits"
    yield "range", facts["range"]
    yield "matrix", _matrix(facts["matrix"])
    yield from container_lines(facts)
    yield "codec", facts["codec"]
    yield "rotation", f"{facts['rotation']} degrees"
    yield "audio", "yes" if facts["audio"] else "no"
    yield "first times", ", ".join(f"{time_s:.3f}" for time_s in facts["first_times_s"]) + " s"
    live = facts["live"]
    if live:
        rate = f"{live['rate']:g} frames/s" if live["rate"] else "unknown"
        yield "measured", f"{rate}, jitter {live['jitter_ms']} ms"
        yield "clock", f"{live['clock']}; a frame is {live['age_ms']:.0f} ms old when it arrives"
    if facts["counts"]:
        yield "counts", _count_words(facts["counts"])
    radiometry = from_json(facts["radiometry"])
    if radiometry:
        yield "radiometry", radiometry.words()
    yield "lost", ", ".join(f"{count} {reason}" for reason, count in facts["lost"].items()) or "none"


def _count_words(counts: Facts) -> str:
    frames = "first frame" if counts["frames"] == 1 else f"first {counts['frames']} frames"
    text = f"{counts['low']} to {counts['high']} in the {frames} ({counts['bits']} bits)"
    if counts["celsius"] is None:
        return text
    low, high = ("none" if each is None else f"{each:.1f} °C" for each in counts["celsius"])
    return f"{text}, {low} to {high}"


def _matrix(code: int) -> str:
    return "unspecified" if code == UNSPECIFIED else MATRICES.get(code, f"H.273 code {code}")
