"""The result as a table for reading."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

Row = dict[str, Any]
NOT_MEASURED = "not measured"
_MIB = 1 << 20


def show(result: dict[str, Any], console: Console) -> None:
    """Print a column for each row of the result, so that combinations can be compared line by line."""
    around = result["circumstances"]
    console.print(f"{around['device']}, torch {around['versions']['torch']}, {around['threads']} threads")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    for _ in result["rows"]:
        table.add_column(justify="right", overflow="fold")
    columns = [dict(lines(row)) for row in result["rows"]]
    for title in dict.fromkeys(title for column in columns for title in column):
        table.add_row(title, *(column.get(title, "") for column in columns))
    console.print(table)
    for reason in reasons(result["rows"]):
        console.print(reason)


def lines(row: Row) -> list[tuple[str, str]]:
    """Title and text of each line of a combination."""
    return [
        ("size", f"{row['size'][0]}x{row['size'][1]}"),
        ("precision, batch", f"{row['precision']}, {row['batch']}"),
        ("form of the network", row.get("form", NOT_MEASURED)),
        *_network_lines(row),
        *_end_to_end_lines(row),
        *_memory_lines(row),
        *((f"  p50 of {name}", f"{stage['p50_ms']:.3f} ms") for name, stage in row.get("stages", {}).items()),
    ]


def reasons(rows: list[Row]) -> list[str]:
    """Reasons why something was not measured, each once."""
    every = [f"{NOT_MEASURED}: {what}: {why}" for row in rows for what, why in row["not_measured"].items()]
    return list(dict.fromkeys(every))


def _network_lines(row: Row) -> list[tuple[str, str]]:
    timings, ratios = row.get("network", {}), row.get("times_as_fast_as", {})
    found = [("network", _rate(timings.get("ours"))), ("  p50, p95, p99", _quantiles(timings.get("ours")))]
    for name, title in (("published", "published"), ("published compiled", "compiled")):
        ratio = ratios.get(name)
        found.append((f"{title} form", _rate(timings.get(name))))
        found.append((f"  times the {title}", NOT_MEASURED if ratio is None else f"{ratio:.1f}"))
    floor = row.get("floor")
    found.append(("floor", NOT_MEASURED if floor is None else f"{floor['milliseconds']:.3f} ms"))
    found.append(("  times the floor used", NOT_MEASURED if floor is None else f"{floor['times_used']:.1f}"))
    psnr_db = row.get("psnr_db")
    found.append(("PSNR to float32", NOT_MEASURED if psnr_db is None else f"{psnr_db:.1f} dB"))
    return found


def _end_to_end_lines(row: Row) -> list[tuple[str, str]]:
    whole = row.get("end_to_end")
    if whole is None:
        return [("end to end", NOT_MEASURED)]
    share = whole.get("share_of_network")
    return [
        ("end to end", _rate(whole["throughput"])),
        ("  of the network's rate", NOT_MEASURED if share is None else f"{100 * share:.0f} %"),
        ("  latency p50, p95, p99", _quantiles(whole["latency"])),
        ("  start to first frame", f"{whole['start_s']:.2f} s"),
    ]


def _memory_lines(row: Row) -> list[tuple[str, str]]:
    memory = row.get("memory", {})
    titles = {"host_peak_bytes": "peak memory, process", "device_peak_bytes": "peak memory, GPU"}
    return [(title, f"{memory[key] / _MIB:.0f} MiB") for key, title in titles.items() if key in memory]


def _rate(timing: Row | None) -> str:
    return NOT_MEASURED if timing is None else f"{timing['frames_per_s']:.2f} frames/s"


def _quantiles(timing: Row | None) -> str:
    if timing is None:
        return NOT_MEASURED
    return ", ".join(f"{timing[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms")) + " ms"
