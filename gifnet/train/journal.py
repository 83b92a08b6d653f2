"""Log of a training: a file with one JSON object a line, and a plot of its losses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_SIZE_PX = (720, 1080)
_MARGIN_PX = 60
# Blue, orange, green, red, violet, brown.
_COLOURS = (
    (180, 119, 31),
    (14, 127, 255),
    (44, 160, 44),
    (40, 39, 214),
    (189, 103, 148),
    (75, 86, 140),
)
_SMOOTHING = 0.9
_DRAWN = ("public", "private", "matching", "lower", "total")


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add one line to the log."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """All records of a log; an unfinished last line is left out."""
    if not path.is_file():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def cut(path: Path, iteration: int) -> None:
    """Drop records after an iteration, so that a continued run writes each line once."""
    records = [record for record in read(path) if record["iteration"] <= iteration]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def plot(records: list[dict[str, Any]], path: Path) -> None:
    """Draw the losses of a log over the iterations, on a logarithmic scale, as a PNG."""
    rows = [record for record in records if "losses" in record]
    if len(rows) < 2:
        return
    names = [name for name in rows[0]["losses"] if name.endswith(_DRAWN)]
    # Losses of the upper level are there in some steps only.
    names += [
        name
        for name in dict.fromkeys(name for row in rows for name in row["losses"])
        if name.endswith("upper")
    ]
    last = float(rows[-1]["iteration"])
    curves = {name: _curve(rows, name) for name in names}
    low = np.floor(min(values.min() for _, values in curves.values()))
    high = np.ceil(max(values.max() for _, values in curves.values()))
    canvas = np.full((*_SIZE_PX, 3), 255, np.uint8)
    _draw_axes(canvas, int(low), int(high), int(last))
    for index, (name, (iterations, values)) in enumerate(curves.items()):
        points = _places(iterations / last, (values - low) / max(high - low, 1.0))
        colour = _COLOURS[index % len(_COLOURS)]
        cv2.polylines(canvas, [points], False, colour, 2, cv2.LINE_AA)
        _text(canvas, name, (_MARGIN_PX + 20, 30 + 24 * index), colour)
    cv2.imwrite(str(path), canvas)


def _curve(rows: list[dict[str, Any]], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Iterations, and the logarithm of a smoothed loss at each."""
    known = [row for row in rows if name in row["losses"]]
    values = _smooth(np.array([row["losses"][name] for row in known], float))
    return np.array([row["iteration"] for row in known], float), np.log10(np.maximum(values, 1e-6))


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    smooth, mean = np.empty_like(values), values[0]
    for index, value in enumerate(values):
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * value
        smooth[index] = mean
    return smooth


def _places(across: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.int32]:
    height, width = _SIZE_PX
    columns = _MARGIN_PX + across * (width - 2 * _MARGIN_PX)
    rows = height - _MARGIN_PX - up * (height - 2 * _MARGIN_PX)
    return np.stack([columns, rows], axis=1).round().astype(np.int32).reshape(-1, 1, 2)


def _draw_axes(canvas: NDArray[np.uint8], low: int, high: int, last: int) -> None:
    for power in range(low, high + 1):
        up = np.full(2, (power - low) / max(high - low, 1))
        line = _places(np.array([0.0, 1.0]), up)
        cv2.polylines(canvas, [line], False, (220, 220, 220), 1)
        _text(canvas, f"1e{power}", (8, int(line[0, 0, 1]) + 5), (90, 90, 90))
    _text(canvas, f"iteration {last}", (_SIZE_PX[1] - 210, _SIZE_PX[0] - 20), (90, 90, 90))


def _text(canvas: NDArray[np.uint8], text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)
