"""A report to judge a calibration by eye: one HTML file, pictures inside it, for light and dark screens."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from stream.errors import SinkError
from stream.files.atomic_write import write_atomic
from stream.files.output_path import reason
from stream.frame import Pixels
from stream.sinks.images import encode

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfa; --ink: #1d2125; --soft: #5d6670; --line: #d9dcdf;
  --good: #1a7f4b; --fair: #9a6700; --bad: #b42318; --raised: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181b; --ink: #e6e8ea; --soft: #9aa4ae;
  --line: #343a40; --good: #4cc38a; --fair: #e0b050; --bad: #ff7b6e; --raised: #1c2024; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p { max-width: 46rem; margin: .5rem 0; } .soft, figcaption { color: var(--soft); }
.note { border-left: 4px solid var(--line); padding: .4rem .9rem; background: var(--raised); }
.good { border-color: var(--good); } .fair { border-color: var(--fair); } .bad { border-color: var(--bad); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child { text-align: left; }
.words { text-align: left; } tr.bad td { color: var(--bad); }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; flex: 1 1 20rem; }
img { display: block; width: 100%; height: auto; border-radius: 4px; border: 1px solid var(--line); }
figcaption { font-size: .9rem; margin-top: .3rem; }
"""

Tone = Literal["", "good", "fair", "bad"]


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph; with a tone it is set off by a coloured bar."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text or numbers under titles; numbers are shown with three significant digits.

    Attributes:
        titles: of the columns.
        rows: as many cells as titles each.
        marked: numbers of the rows that are shown in the colour of what is bad.
    """

    titles: Sequence[str]
    rows: Sequence[Sequence[object]]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A picture with a line below it.

    Attributes:
        pixels: [H, W, 3] uint8 RGB, or [H, W] uint8.
        caption: what one sees and what to look for.
        suffix: `jpg` for photographs, `png` for drawings.
    """

    pixels: Pixels
    caption: str
    suffix: Literal["jpg", "png"] = "jpg"


Part: TypeAlias = "Note | Table | Figure"


@dataclass(slots=True)
class Section:
    """A titled part of a report; figures that follow each other stand side by side."""

    title: str
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """A report.

    Attributes:
        title: what was calibrated.
        summary: one or two sentences below the title.
        sections: in reading order.
    """

    title: str
    summary: str
    sections: list[Section] = field(default_factory=list)


def write_report(path: Path, report: Report) -> None:
    """Write a report as one self-contained HTML file, whole or not at all.

    Raises:
        SinkError: it cannot be written.
    """
    try:
        write_atomic(path, render_report(report).encode())
    except OSError as error:
        raise SinkError(f"the report {path} cannot be written: {reason(error)}") from None


def render_report(report: Report) -> str:
    """The HTML of a report; nothing in it is loaded from elsewhere."""
    title = html.escape(report.title)
    sections = "\n".join(_section(section) for section in report.sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<style>{_STYLE}</style>\n<h1>{title}</h1>\n<p class="soft">{html.escape(report.summary)}</p>\n'
        f"{sections}\n</html>\n"
    )


def _section(section: Section) -> str:
    pieces, row = [f"<h2>{html.escape(section.title)}</h2>"], list[str]()
    for part in section.parts:
        if isinstance(part, Figure):
            row.append(_figure(part))
            continue
        pieces += [*_pictures(row), _note(part) if isinstance(part, Note) else _table(part)]
        row = []
    return "\n".join([*pieces, *_pictures(row)])


def _pictures(figures: list[str]) -> list[str]:
    return [f'<div class="pictures">{"".join(figures)}</div>'] if figures else []


def _figure(figure: Figure) -> str:
    kind = {"jpg": "jpeg", "png": "png"}[figure.suffix]
    data = base64.b64encode(encode(figure.pixels, figure.suffix)).decode()
    height, width = figure.pixels.shape[:2]
    caption = html.escape(figure.caption)
    picture = f'<img src="data:image/{kind};base64,{data}" width="{width}" height="{height}" alt="{caption}">'
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _note(note: Note) -> str:
    look = f' class="note {note.tone}"' if note.tone else ""
    return f"<p{look}>{html.escape(note.text)}</p>"


def _table(table: Table) -> str:
    below = table.rows[0] if table.rows else table.titles
    titles = "".join(
        f"<th{_words(cell)}>{html.escape(title)}</th>"
        for title, cell in zip(table.titles, below, strict=True)
    )
    rows = "".join(_row(row, number in table.marked) for number, row in enumerate(table.rows))
    return f'<div class="scroll"><table><tr>{titles}</tr>{rows}</table></div>'


def _row(cells: Sequence[object], marked: bool) -> str:
    look = ' class="bad"' if marked else ""
    return f"<tr{look}>{''.join(_cell(cell) for cell in cells)}</tr>"


def _cell(cell: object) -> str:
    if isinstance(cell, float):
        return f"<td>{cell:.3g}</td>"
    return f"<td{_words(cell)}>{html.escape(str(cell))}</td>"


def _words(cell: object) -> str:
    return ' class="words"' if isinstance(cell, str) else ""
