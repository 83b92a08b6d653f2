"""Times of one folder of pictures beside the other camera's: by its own rule, or by what pairs the two."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Side
from stream.sources.pictures.listing import find_pictures, is_picture_list
from stream.sources.pictures.partners import PAIR_RULES, Partners, Rule, find_partners
from stream.sources.pictures.times import PictureTimes, at_times, stated_rate, times_of
from stream.uri import Uri, parse_uri

_log = logging.getLogger(__name__)
_SHOWN = 3
_TIME: Rule = "time"
_BY = {"name": "by name", "number": "by the number in their names", "order": "in their order"}


def times_beside(
    settings: InputSettings, uri: Uri, role: Side, partner: InputSettings | None
) -> PictureTimes:
    """Times of a folder's pictures, and a sentence on them; warnings where the two sides disagree.

    Two folders whose pictures have no times of their own are paired by name or number where at least half of
    the smaller one's are in the other too, and in their order else; so is a folder without times beside one
    with times. `pair=name`, `pair=number` and `pair=order` in the URI of either choose.

    Args:
        settings: of the input.
        uri: of the input.
        role: which camera it is of.
        partner: settings of the other camera, None when there is none or it does not matter.

    Raises:
        SourceError: no pictures, wrong options, or a stated rule that pairs nothing.
    """
    rule = _stated_rule(uri)
    mine = times_of(find_pictures(uri.path), uri, stated_rate(settings, uri))
    other = _partner_times(partner) if is_picture_list(uri.path) else None
    if other is None or partner is None:
        _say(uri, mine)
        return mine
    rule = _agreed(uri, rule, _stated_rule(parse_uri(partner.uri)))
    visible, thermal = (mine, other) if role == "visible" else (other, mine)
    partners = _partners(visible, thermal, rule, f"{uri} and {parse_uri(partner.uri)}")
    if partners is None:
        if role == "visible":
            _warn_apart(visible, thermal)
        _say(uri, mine)
        return mine
    moved = _moved(visible, thermal, partners, mine)
    _say(uri, moved, f", paired {_BY[partners.rule]}")
    if role == "visible":
        _warn_alone(visible, thermal, partners, is_stated=rule is not None)
    return moved


def _stated_rule(uri: Uri) -> Rule | None:
    stated = uri.options.get("pair", "auto")
    if stated == "auto":
        return None
    for rule in (*PAIR_RULES, _TIME):
        if stated == rule:
            return rule
    raise SourceError(f"{uri}: pair must be auto, time, {', '.join(PAIR_RULES)}, got {stated!r}")


def _agreed(uri: Uri, mine: Rule | None, others: Rule | None) -> Rule | None:
    if mine and others and mine != others:
        raise SourceError(f"{uri}: pair is {mine} here and {others} of the other camera; state it once")
    return mine or others


def _partner_times(partner: InputSettings | None) -> PictureTimes | None:
    """Times of the other camera's pictures; None if it has no times, which its own source reports."""
    if partner is None:
        return None
    uri = parse_uri(partner.uri)
    if uri.scheme not in ("", "file", "images", "thermal") or not is_picture_list(uri.path):
        return None
    try:
        return times_of(find_pictures(uri.path), uri, stated_rate(partner, uri))
    except SourceError:
        return None


def _partners(visible: PictureTimes, thermal: PictureTimes, rule: Rule | None, names: str) -> Partners | None:
    """The partners where names say who belongs together, None where times do."""
    if rule == _TIME:
        return None
    if rule is not None:
        partners = find_partners(visible.paths, thermal.paths, rule)
        if partners is None:
            raise SourceError(f"{names}: pair={rule} finds no two pictures that belong together")
        return partners
    if visible.is_rate_stated and thermal.is_rate_stated and visible.rate != thermal.rate:
        return None
    partners = find_partners(visible.paths, thermal.paths)
    if partners is None or not (visible.form or thermal.form):
        return partners
    is_by_order = partners.rule == "order"
    if visible.form and thermal.form:
        # Whole seconds say less than names that agree: two files of one moment may be a second apart.
        return partners if not is_by_order and visible.is_coarse and thermal.is_coarse else None
    # Times from zero on both sides may well be of one clock.
    return partners if not is_by_order or visible.are_dates or thermal.are_dates else None


def _moved(
    visible: PictureTimes, thermal: PictureTimes, partners: Partners, mine: PictureTimes
) -> PictureTimes:
    """One side at the moments of both; the times are those of the visible pictures, if they have some."""
    timed = visible if visible.form or not thermal.form else thermal
    rates = [side.rate for side in (visible, thermal) if side.is_rate_stated]
    rate = rates[0] if rates else timed.rate
    places = partners.visible if mine is visible else partners.thermal
    if not timed.form:
        times_s: Sequence[Fraction] = [place / rate for place in places]
    else:
        known = partners.visible if timed is visible else partners.thermal
        times_s = partners.times_s(places, dict(zip(known, timed.times_s, strict=True)), 1 / rate)
    return at_times(mine, times_s, timed.form, rate, timed.tick_s if timed.form else 1 / rate)


def _say(uri: Uri, times: PictureTimes, paired: str = "") -> None:
    _log.info("%s%s", times.describe(str(uri)), paired)
    doubt = times.doubt()
    if doubt:
        _log.warning(
            "%s: the times cannot be right: %s; state times= (name_ms, a list of times, rate) or rate=",
            uri,
            doubt,
        )
    if times.untimed:
        _log.warning("%s: %d pictures have no time in %s and are left out", uri, times.untimed, times.form)


def _warn_alone(visible: PictureTimes, thermal: PictureTimes, partners: Partners, is_stated: bool) -> None:
    """Say which pictures have no partner, and where their order is all there is to go by."""
    counts = f"{len(visible.paths)} visible and {len(thermal.paths)} thermal pictures"
    if partners.rule == "order":
        if is_stated and len(visible.paths) == len(thermal.paths):
            return
        advice = "state rates, times= or pair=order"
        if visible.form or thermal.form:
            _log.warning("only one side of %s has times; they are paired in their order: %s", counts, advice)
        else:
            _log.warning("%s, whose names do not agree, are paired in their order: %s", counts, advice)
        return
    for side, mine, others, pictures in (
        ("visible", partners.visible, partners.thermal, visible),
        ("thermal", partners.thermal, partners.visible, thermal),
    ):
        alone = partners.alone(mine, others)
        if alone:
            _log.warning(
                "%d of %d %s pictures have no partner %s: %s",
                len(alone),
                len(mine),
                side,
                _BY[partners.rule],
                _names([pictures.paths[position] for position in alone]),
            )


def _warn_apart(visible: PictureTimes, thermal: PictureTimes) -> None:
    """Say where the clocks of the two sides cannot be one."""
    if visible.are_dates == thermal.are_dates:
        return
    dated, undated = ("visible", "thermal") if visible.are_dates else ("thermal", "visible")
    _log.warning(
        "the %s pictures have dates and the %s ones have none: state times= for these, or pair=order where "
        "the first belongs to the first",
        dated,
        undated,
    )


def _names(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(path.name for path in paths[:_SHOWN]) + more
