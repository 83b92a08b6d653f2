"""Cameras that fail: the fault matrix and a soak, as the table in docs/faults.md.

python -m benchmarks.faults [--minutes 30]

Two RTSP servers run as processes of their own, are killed, halted and disturbed; fusion runs without a
network.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances, save
from tests.helpers.fault_matrix import FAULTS, inflict
from tests.helpers.rtsp_process import GstProcess, RtspProcess
from tests.helpers.soak import Soak, soak

DOCUMENT = Path(__file__).parents[1] / "docs" / "faults.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
SIDES = ("visible", "thermal", "both")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the soak")
    arguments = parser.parse_args()
    matrix = [*rows(RtspProcess, list(FAULTS)), *rows(GstProcess, ["kill", "stop"])]
    found = soak(arguments.minutes)
    lines = [*matrix_lines(matrix), "", *soak_lines(found)]
    print("\n".join(lines))
    text = DOCUMENT.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{rest}", encoding="utf-8")
    told = {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(found).items()}
    result = {"matrix": matrix, "soak": told, "circumstances": circumstances()}
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
        "unaccounted": outcome.unaccounted,
        "threads": outcome.threads,
        "files": outcome.files,
    }


def matrix_lines(matrix: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| fault | server | visible | thermal | both | unaccounted frames | threads, files left |",
        "|---|---|---|---|---|---|---|",
    ]
    for first in matrix[::3]:
        group = [row for row in matrix if (row["server"], row["fault"]) == (first["server"], first["fault"])]
        times = " | ".join(f"{row['resumed_s']:.2f} s" for row in group)
        lost = sum(row["unaccounted"] for row in group)
        left = sum(row["threads"] for row in group), sum(row["files"] for row in group)
        lines.append(f"| {first['fault']} | {first['server']} | {times} | {lost} | {left[0]}, {left[1]} |")
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
