"""Cameras that fail: the fault matrix and a soak, as the table in docs/faults.md.

python -m benchmarks.faults [--minutes 30 | --matrix-only]

Two RTSP servers run as processes of their own, are killed, halted and disturbed; fusion runs without a
network.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.common import circumstances, save
from tests.helpers.fault_matrix import FAULTS, SERVED, inflict
from tests.helpers.rtsp_process import GstProcess, RtspProcess
from tests.helpers.soak import Soak, soak

DOCUMENT = Path(__file__).parents[1] / "docs" / "faults.md"
RECORD = Path(__file__).parent / "results" / "faults.json"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
SIDES = ("visible", "thermal", "both")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the soak")
    parser.add_argument("--matrix-only", action="store_true", help="leave the soak as it is recorded")
    arguments = parser.parse_args()
    text = DOCUMENT.read_text(encoding="utf-8")
    matrix = [*rows(RtspProcess, list(FAULTS)), *rows(GstProcess, ["kill", "stop"])]
    reader = log_reader_gone()
    if arguments.matrix_only:
        told = json.loads(RECORD.read_text(encoding="utf-8"))["soak"]
        soaked = text[text.index("| soak |") : text.index(END)].rstrip().splitlines()
    else:
        found = soak(arguments.minutes)
        told = {
            name: dict(value) if isinstance(value, Counter) else value for name, value in vars(found).items()
        }
        soaked = soak_lines(found)
    lines = [*matrix_lines(matrix), log_reader_line(reader), "", *soaked]
    print("\n".join(lines))
    head, rest = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{rest}", encoding="utf-8")
    result = {"matrix": matrix, "log_reader": reader, "soak": told, "circumstances": circumstances()}
    print("written:", save("faults", result), DOCUMENT)


def rows(kind: type[RtspProcess], names: list[str]) -> list[dict[str, Any]]:
    server = "GStreamer" if kind is GstProcess else "ours"
    return [row(server, kind, name, who) for name in names for who in SIDES]


def row(server: str, kind: type[RtspProcess], name: str, who: Any) -> dict[str, Any]:
    outcome = inflict(FAULTS[name], who, kind)
    return {
        "server": server,
        "fault": name,
        "who": who,
        "resumed_s": round(outcome.resumed_s, 2),
        "damaged": outcome.damaged,
        "unaccounted": outcome.unaccounted,
        "threads": outcome.threads,
        "files": outcome.files,
    }


def log_reader_gone() -> dict[str, Any]:
    """A run whose reader of messages goes away in the middle."""
    with TemporaryDirectory() as folder, RtspProcess(**SERVED) as visible, RtspProcess(**SERVED) as thermal:
        output, report = Path(folder) / "out.mp4", Path(folder) / "report.json"
        line = [sys.executable, "-m", "stream", "run", visible.url, thermal.url, "--model", "null", "-v"]
        line += ["-o", str(output), "--sidecar", "--report", str(report), "--duration-s", "10"]
        run = subprocess.Popen(line, stderr=subprocess.PIPE)
        assert run.stderr is not None
        run.stderr.readline()
        run.stderr.close()
        status = run.wait()
        told = json.loads(report.read_text(encoding="utf-8"))
        text = output.with_suffix(".jsonl").read_text(encoding="utf-8")
        times_s = [json.loads(line)["visible"]["time_ns"] / 1e9 for line in text.splitlines()]
    return {
        "status": status,
        "complete": told["complete"],
        "frames": len(times_s),
        "longest_gap_s": round(max(b - a for a, b in itertools.pairwise(times_s)), 3),
        "unaccounted": sum(told["live"]["unaccounted"].values()),
    }


def log_reader_line(reader: dict[str, Any]) -> str:
    return (
        f"\nThe reader of a run's messages goes away: status {reader['status']}, {reader['frames']} frames, "
        f"the longest gap {reader['longest_gap_s']:.2f} s, {reader['unaccounted']} unaccounted."
    )


def matrix_lines(matrix: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| fault | server | visible | thermal | both | damaged pictures fused | unaccounted frames "
        "| threads, files left |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for first in matrix[::3]:
        group = [row for row in matrix if (row["server"], row["fault"]) == (first["server"], first["fault"])]
        times = " | ".join(f"{row['resumed_s']:.2f} s" for row in group)
        lost, damaged = (sum(row[key] for row in group) for key in ("unaccounted", "damaged"))
        seen = "not seen" if first["server"] == "GStreamer" else damaged
        left = sum(row["threads"] for row in group), sum(row["files"] for row in group)
        lines.append(
            f"| {first['fault']} | {first['server']} | {times} | {seen} | {lost} | {left[0]}, {left[1]} |"
        )
    return lines


def soak_lines(found: Soak) -> list[str]:
    live = found.report["live"]
    received, moments = live["received"], live["moments"]
    connects = {side: camera["connects"] for side, camera in live["cameras"].items()}
    return [
        "| soak | |",
        "|---|---|",
        f"| length | {found.minutes:g} minutes, two cameras at 30 frames/s |",
        f"| faults | {sum(found.faults.values())}: "
        + ", ".join(f"{count} {name}" for name, count in sorted(found.faults.items()))
        + " |",
        f"| frames in | {received['visible']} visible, {received['thermal']} thermal |",
        f"| fused | {found.fused}: {moments.get('pairs', 0)} pairs, {moments.get('single', 0)} single |",
        f"| unaccounted | {found.unaccounted} |",
        f"| connections | {connects['visible']} visible, {connects['thermal']} thermal |",
        f"| memory | {min(found.memory_mb):.0f} to {max(found.memory_mb):.0f} MB, "
        f"grown by {found.growth_mb:.1f} MB from the second quarter to the last |",
        f"| open files and sockets | {min(found.files)} to {max(found.files)} |",
        f"| threads, files left over | {found.left_over[0]}, {found.left_over[1]} |",
    ]


if __name__ == "__main__":
    main()
