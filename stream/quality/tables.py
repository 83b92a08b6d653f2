"""The measured values as a text table, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import math

from gifnet.eval import METRICS

LOWER_IS_BETTER = {name for name, metric in METRICS.items() if not metric.higher_is_better} | {
    "warped difference", "warped ratio", "followed difference", "followed ratio", "BiSWE", "brightness step",
    "brightness ratio",
}  # fmt: skip

Values = dict[str, float]


def means(rows: list[tuple[str, str, Values]]) -> dict[str, Values]:
    """Mean of each metric for each method, over pictures where it is defined.

    Args:
        rows: method, name of the picture, values.
    """
    result: dict[str, Values] = {}
    for method in dict.fromkeys(row[0] for row in rows):
        values = [row[2] for row in rows if row[0] == method]
        result[method] = {name: _mean([each[name] for each in values]) for name in values[0]}
    return result


def table(summary: dict[str, Values]) -> str:
    """A line for each method, the best value of each metric marked by a star where methods are compared."""
    names = list(next(iter(summary.values())))
    best = {name: _best(name, [values[name] for values in summary.values()]) for name in names}
    lines = [["method", *names]]
    for method, values in summary.items():
        cells = [_number(values[name]) + ("*" if values[name] == best[name] else " ") for name in names]
        lines.append([method, *(cells if len(summary) > 1 else [cell[:-1] for cell in cells])])
    if len(names) > 8:
        lines = [list(column) for column in zip(*lines, strict=True)]
        lines[0][0] = "metric"
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
            ]
        )
        for line in lines
    )


def as_csv(rows: list[tuple[str, str, Values]]) -> str:
    """A line for each picture of each method, empty where a metric is not defined."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "picture", *rows[0][2]])
    for method, name, values in rows:
        writer.writerow(
            [method, name, *("" if math.isnan(value) else f"{value:.6g}" for value in values.values())]
        )
    return text.getvalue()


def as_json(rows: list[tuple[str, str, Values]]) -> str:
    """Means for each method and values for each picture; null where a metric is not a finite number."""
    pictures: dict[str, dict[str, dict[str, float | None]]] = {}
    for method, name, values in rows:
        pictures.setdefault(method, {})[name] = _finite(values)
    mean = {method: _finite(values) for method, values in means(rows).items()}
    return json.dumps({"mean": mean, "pictures": pictures}, indent=2, allow_nan=False) + "\n"


def _finite(values: Values) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _best(name: str, values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return (min if name in LOWER_IS_BETTER else max)(known, default=math.nan)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
