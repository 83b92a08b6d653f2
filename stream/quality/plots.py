"""A plot of the measured values as SVG: a row for each metric, a line of dots for each method."""

from __future__ import annotations

import math
from html import escape

from stream.quality.tables import LOWER_IS_BETTER, Values, means

_LEFT, _WIDTH, _STEP, _TOP = 150, 520, 15, 34
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")


def draw_plot(rows: list[tuple[str, str, Values]]) -> str:
    """Every value as a dot and the mean as a bar; each metric has a scale of its own, named at its ends."""
    summary = means(rows)
    lines, top = [], _TOP
    for name in rows[0][2]:
        known = [row[2][name] for row in rows if math.isfinite(row[2][name])]
        if known:
            lines += _metric(name, rows, summary, (min(known), max(known)), top)
            top += _STEP * len(summary) + 24
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 90}" height="{top}" '
        'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
        '<text x="8" y="18" font-size="13">dots: pictures, bar: mean</text>'
    )
    return "\n".join([head, *lines, "</svg>"]) + "\n"


def _metric(
    name: str,
    rows: list[tuple[str, str, Values]],
    summary: dict[str, Values],
    ends: tuple[float, float],
    top: int,
) -> list[str]:
    low, high = ends
    scale = _WIDTH / ((high - low) or 1)
    note = "lower is better" if name in LOWER_IS_BETTER else "higher is better"
    lines = [
        f'<text x="8" y="{top + 4}" font-weight="bold">{escape(name)}</text>',
        f'<text x="{_LEFT}" y="{top + 4}" fill="#666">{low:.3g}</text>',
        f'<text x="{_LEFT + _WIDTH}" y="{top + 4}" fill="#666" text-anchor="end">{high:.3g} ({note})</text>',
    ]
    for place, (method, mean) in enumerate(summary.items()):
        y, colour = top + _STEP * (place + 1), _COLOURS[place % len(_COLOURS)]
        lines.append(f'<text x="16" y="{y + 4}" fill="{colour}">{escape(method)}</text>')
        values = [row[2][name] for row in rows if row[0] == method and math.isfinite(row[2][name])]
        lines += [
            f'<circle cx="{_LEFT + (value - low) * scale:.1f}" cy="{y}" r="3" fill="{colour}" opacity=".4"/>'
            for value in values
        ]
        if math.isfinite(mean[name]):
            x = _LEFT + (mean[name] - low) * scale
            lines.append(f'<rect x="{x - 1:.1f}" y="{y - 6}" width="2" height="12" fill="{colour}"/>')
            lines.append(
                f'<text x="{_LEFT + _WIDTH + 10}" y="{y + 4}" fill="{colour}">{mean[name]:.3f}</text>'
            )
    return lines
