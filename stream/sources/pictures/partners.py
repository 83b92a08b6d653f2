"""Pictures of two folders that belong together by their names, by numbers in them, or by their order."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from stream.sources.pictures.listing import natural_key
from stream.sources.pictures.names import numbers_of, without_date

Rule = Literal["name", "number", "order", "time"]
PAIR_RULES: tuple[Rule, ...] = ("name", "number", "order")
Key = Any


@dataclass(frozen=True, slots=True)
class Partners:
    """Which pictures of two folders belong together.

    Attributes:
        rule: how they found each other.
        visible: place of each visible picture among the moments of both folders.
        thermal: the same of each thermal picture.
        moments: how many there are.
    """

    rule: Rule
    visible: tuple[int, ...]
    thermal: tuple[int, ...]
    moments: int

    def alone(self, mine: Sequence[int], others: Sequence[int]) -> list[int]:
        """Positions of the pictures that have no partner."""
        there = set(others)
        return [position for position, place in enumerate(mine) if place not in there]

    def times_s(self, mine: Sequence[int], known: dict[int, Fraction], step_s: Fraction) -> list[Fraction]:
        """Times of one folder's pictures.

        Args:
            mine: `visible` or `thermal`.
            known: times of moments, those of one folder's pictures; the others lie in line between them.
            step_s: seconds between two moments before the first and after the last known one.
        """
        places = sorted(known)
        return [_between(place, places, known, step_s) for place in mine]


def find_partners(
    visible: Sequence[Path], thermal: Sequence[Path], rule: Rule | None = None
) -> Partners | None:
    """Find which pictures of two folders belong together.

    Without a rule: by name where at least half of the smaller folder's names are in the other one too, else
    by number likewise, else by order.

    Args:
        visible: pictures in natural order.
        thermal: the same.
        rule: only this one.

    Returns:
        The partners; None when the stated rule finds none.
    """
    for tried in PAIR_RULES:
        if rule not in (None, tried):
            continue
        keys = _keys(visible, tried), _keys(thermal, tried)
        shared = len(set(keys[0]) & set(keys[1]))
        wanted = 1 if rule else (min(len(visible), len(thermal)) + 1) // 2
        if shared >= wanted:
            places = {key: place for place, key in enumerate(_in_order(*keys))}
            mine, others = (tuple(places[key] for key in side) for side in keys)
            return Partners(tried, mine, others, len(places))
    return None


def _keys(paths: Sequence[Path], rule: Rule) -> list[Key]:
    """What pictures share with their partners; empty where it is not one for each picture."""
    if rule == "order":
        return list(range(len(paths)))
    stems = [path.stem for path in paths]
    if rule == "name":
        return _unique(stems)
    # A number beside a date says more: the dates of two cameras may be a second apart.
    undated = _varying(numbers_of([without_date(stem) for stem in stems]))
    return _unique(undated) or _unique(_varying(numbers_of(stems)))


def _unique(keys: Sequence[Key]) -> list[Key]:
    return list(keys) if len(set(keys)) == len(keys) else []


def _varying(rows: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The numbers that are not the same in all names; of a single picture the last one."""
    if not rows or not rows[0]:
        return []
    columns = list(zip(*rows, strict=True))
    chosen = [column for column in columns if len(set(column)) > 1] or columns[-1:]
    return list(zip(*chosen, strict=True))


def _in_order(visible: list[Key], thermal: list[Key]) -> list[Key]:
    """The keys of both sides in one order, which is that of each side."""
    if not all(isinstance(key, str) for key in visible):
        return sorted({*visible, *thermal})
    return sorted({*visible, *thermal}, key=lambda name: natural_key(Path(name)))


def _between(place: int, places: list[int], known: dict[int, Fraction], step_s: Fraction) -> Fraction:
    """The time of a moment: that of its visible picture, else in line with its neighbours."""
    if place in known:
        return known[place]
    at = bisect(places, place)
    if at in (0, len(places)):
        nearest = places[0] if at == 0 else places[-1]
        return known[nearest] + (place - nearest) * step_s
    before, after = places[at - 1], places[at]
    share = Fraction(place - before, after - before)
    return known[before] + share * (known[after] - known[before])
