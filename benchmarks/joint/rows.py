"""Rows of a comparison, kept one file each as they come, and what they say together.

A row holds a judgement of every test picture, so that scores of any draw of pictures can be told later:
intervals are the middle 95 % of draws of streets, the same draw for all inputs, means over the seeds.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import circumstances, save

DRAWS = 200
HIDDEN = "judged", "scenes"
"""Parts of a row that are too long to tell."""
Score = Callable[[Sequence[Any]], float]
"""Of the judgements of some pictures."""


def begin(arguments: argparse.Namespace) -> None:
    """Make the folder of the rows, which must not hold rows of other settings."""
    free = {"work", "seeds", "inputs", "name"}
    facts = {key: str(value) for key, value in vars(arguments).items() if key not in free}
    path = arguments.work / "arguments.json"
    arguments.work.mkdir(parents=True, exist_ok=True)
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) != facts:
        raise SystemExit(f"{arguments.work} holds rows of other settings, see {path}; name another --work")
    path.write_text(json.dumps(facts, indent=2), encoding="utf-8")


def keep(work: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Write a row to its file, and tell it without the judgements."""
    _place(work, row["seed"], row["input"]).write_text(json.dumps(row), encoding="utf-8")
    print(json.dumps({name: value for name, value in row.items() if name not in HIDDEN}), flush=True)
    return row


def kept(work: Path, seed: int, name: str) -> dict[str, Any] | None:
    """The row of an input, where an earlier run has made it."""
    path = _place(work, seed, name)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def write(name: str, rows: Sequence[dict[str, Any]], score: Score, arguments: argparse.Namespace) -> Path:
    """The record of all rows so far."""
    facts = {key: value for key, value in vars(arguments).items() if not _names_places(value)}
    shown = [{key: value for key, value in row.items() if key not in HIDDEN} for row in rows]
    summary = summarise(rows, score)
    return save(
        name, {"summary": summary, "rows": shown, "arguments": facts, "circumstances": circumstances()}
    )


def summarise(rows: Sequence[dict[str, Any]], score: Score) -> dict[str, Any]:
    """Of each input the mean over the seeds, its interval, and how far joint fusion is above it."""
    by_input: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_input[row["input"]].append(row)
    draws = _draws(rows[0]["scenes"])
    drawn = {name: _drawn(of_input, draws, score) for name, of_input in by_input.items()}
    joint = drawn.get("joint fusion")
    summary: dict[str, Any] = {}
    for name, of_input in by_input.items():
        found: dict[str, Any] = {"seeds": len(of_input), "score": round(float(np.mean(drawn[name][0])), 4)}
        found["95 %"] = _interval(drawn[name][1:].mean(axis=1))
        found["by folder"] = _by_folder(of_input, score)
        if joint is not None and name != "joint fusion" and joint.shape == drawn[name].shape:
            ahead = (joint - drawn[name]).mean(axis=1)
            found["joint fusion is above by"] = round(float(ahead[0]), 4)
            found["above by, 95 %"] = _interval(ahead[1:])
        summary[name] = found
    return summary


def _by_folder(rows: Sequence[dict[str, Any]], score: Score) -> dict[str, float]:
    """Score of the pictures of each folder by itself, the mean over the seeds."""
    scores: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        parts: dict[str, list[Any]] = defaultdict(list)
        for scene, judged in zip(row["scenes"], row["judged"], strict=True):
            parts[scene.split()[0]].append(judged)
        for folder, judgements in parts.items():
            scores[folder].append(score(judgements))
    return {folder: round(float(np.mean(of_folder)), 4) for folder, of_folder in sorted(scores.items())}


def _draws(scenes: Sequence[str]) -> list[list[int]]:
    """Places of pictures: first all of them once, then draws of whole streets with replacement."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, scene in enumerate(scenes):
        places[scene].append(place)
    names, random = sorted(places), np.random.default_rng(0)
    chosen = random.integers(len(names), size=(DRAWS, len(names)))
    return [
        list(range(len(scenes))),
        *([p for number in draw for p in places[names[number]]] for draw in chosen),
    ]


def _drawn(rows: Sequence[dict[str, Any]], draws: list[list[int]], score: Score) -> Any:
    """Scores [draws, seeds]."""
    return np.array([[score([row["judged"][place] for place in draw]) for row in rows] for draw in draws])


def _interval(values: Any) -> list[float]:
    return [round(float(value), 4) for value in np.percentile(values, [2.5, 97.5])]


def _place(work: Path, seed: int, name: str) -> Path:
    return work / f"row_{seed}_{name.replace(' ', '_')}.json"


def _names_places(value: Any) -> bool:
    return isinstance(value, Path) or (
        isinstance(value, list) and any(isinstance(each, Path) for each in value)
    )
