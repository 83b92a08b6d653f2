"""Collects views of a board by both cameras, from folders of pictures, videos or recordings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream.calibrate.board.finder import Finder, Sighting
from stream.calibrate.board.targets import Board, Points
from stream.calibrate.frame_pairs import open_pairs
from stream.config import FuseSettings
from stream.config.inputs import ThermalInputSettings
from stream.errors import ConfigError, SourceError
from stream.frame import Pixels, Side
from stream.recording import ABOUT
from stream.sources.pictures.decode import choose_picture_target, convert_picture, read_stored
from stream.stills.pairs import pair_folders
from stream.uri import parse_uri

# A stream is looked at so often, in seconds of capture time, and a folder in whole.
EVERY_S = 0.5
# A view adds something where the board lies this share of the picture's width from every other view.
APART = 0.01
Size = tuple[int, int]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """Pictures of both cameras of one moment: visible [H, W, 3] uint8 RGB and thermal [H, W], raw."""

    name: str
    visible: Pixels
    thermal: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A shot and where the board is in it; None where a camera does not show it."""

    shot: Shot
    visible: Sighting | None
    thermal: Sighting | None

    @property
    def is_common(self) -> bool:
        """True when both cameras see the board."""
        return self.visible is not None and self.thermal is not None


@dataclass(slots=True)
class Views:
    """The views that were collected.

    Attributes:
        visible_size: width and height.
        thermal_size: width and height.
        looked: pairs of pictures that were searched.
        views: those in which a camera sees the board, at places of their own, in the order of time.
        empty: a few in which none does.
    """

    visible_size: Size
    thermal_size: Size
    looked: int
    views: list[View]
    empty: list[Shot]


def sources(visible: str, thermal: str | None) -> tuple[str, str]:
    """The inputs to read: two sources, or one folder that `gifnet record` made.

    Raises:
        ConfigError: one source that is no recording.
    """
    if thermal is not None:
        return visible, thermal
    uri = parse_uri(visible)
    if uri.scheme in ("", "replay", "recording") and (Path(uri.path) / ABOUT).exists():
        return (f"replay://{uri.path}",) * 2
    raise ConfigError(
        f"one source must be a folder that gifnet record made, and {uri} is none; name VISIBLE and THERMAL"
    )


def open_shots(
    settings: FuseSettings, skip: int | None, seconds: float, goes_on: Callable[[], bool] = lambda: True
) -> Iterator[Shot]:
    """The pairs of pictures to look at.

    Two folders of pictures belong together by their names, or else by their order, all else by capture time.

    Args:
        settings: sources and pairing.
        skip: pairs that are passed by after each one; None takes all of folders and one in `EVERY_S` of
            streams.
        seconds: how much of streams is looked at, in capture time.
        goes_on: asked between pairs; False ends the looking.

    Raises:
        SourceError: a source cannot be read, or pictures of two folders cannot be paired.
    """
    visible, thermal = (Path(parse_uri(side.uri).path) for side in (settings.visible, settings.thermal))
    if _holds_pictures(visible) and _holds_pictures(thermal):
        shots = _of_folders(visible, thermal, settings, skip or 0)
    else:
        shots = _of_streams(settings, skip, seconds)
    for shot in shots:
        if not goes_on():
            return
        yield shot


def collect(
    shots: Iterable[Shot], board: Board, most: int, tell: Callable[[int, View], None] = lambda *_: None
) -> Views:
    """Search shots for a board.

    Args:
        shots: of one size for each camera.
        board: what to look for.
        most: views that are kept; where there are more, the ones most alike go first.
        tell: called after each shot, with the number of shots so far and what was found.

    Raises:
        SourceError: no shots, or sizes that change.
    """
    finders = Finder(board), Finder(board)
    views: Views | None = None
    for shot in shots:
        sizes = _size(shot.visible), _size(shot.thermal)
        views = views or Views(*sizes, 0, [], [])
        _check_sizes(shot, sizes, views)
        view = View(shot, finders[0].find(shot.visible), finders[1].find(shot.thermal))
        views.looked += 1
        tell(views.looked, view)
        _keep(views, view, most)
    if views is None:
        raise SourceError("there is no pair of pictures to look at; check the sources and --tolerance-ms")
    return views


def _keep(views: Views, view: View, most: int) -> None:
    if view.visible is None and view.thermal is None:
        views.empty = [*views.empty, view.shot][:2]
        return
    width = views.visible_size[0] if view.visible else views.thermal_size[0]
    if min((_apart(view, other) for other in views.views), default=np.inf) < APART * width:
        return
    views.views.append(view)
    if len(views.views) > most:
        del views.views[_most_alike(views.views)]


def _most_alike(views: list[View]) -> int:
    """The view that is nearest to another one; of one camera only before common ones."""
    nearest = [min(_apart(one, other) for other in views if other is not one) for one in views]
    return min(range(len(views)), key=lambda number: (views[number].is_common, nearest[number]))


def _apart(one: View, other: View) -> float:
    """Mean distance of the board's points in two views, in pixels of the first camera that has both."""
    for first, second in ((one.visible, other.visible), (one.thermal, other.thermal)):
        if first is not None and second is not None and one.is_common == other.is_common:
            _, a, b = np.intersect1d(first.numbers, second.numbers, return_indices=True)
            return _mean_distance(first.points_px[a], second.points_px[b]) if len(a) else np.inf
    return np.inf


def _mean_distance(one: Points, other: Points) -> float:
    return float(np.linalg.norm(one - other, axis=1).mean())


def _of_folders(visible: Path, thermal: Path, settings: FuseSettings, skip: int) -> Iterator[Shot]:
    pairs, alone = pair_folders(visible, thermal)
    if alone:
        _log.warning("%d pictures have no partner of their name, the first is %s", len(alone), alone[0])
    for one, other in pairs[:: skip + 1]:
        first, second = _read(one, "visible"), _read(other, "thermal")
        if first is None or second is None:
            _log.warning("%s cannot be read and is passed by", other if first is not None else one)
            continue
        colour = convert_picture(first, "visible", settings.visible.bits)
        counts = convert_picture(second, "thermal", settings.thermal.bits)
        yield Shot(one.stem, colour, _without_rows(counts, settings.thermal))


def _read(path: Path, side: Side) -> Pixels | None:
    """A picture of 8 or 16 bits as it is stored."""
    stored = read_stored(path, side)
    if stored is not None:
        choose_picture_target(stored.pixels, side, None, str(path))
    return stored.pixels if stored else None


def _without_rows(counts: Pixels, settings: ThermalInputSettings) -> Pixels:
    rows = counts[settings.cut_top : len(counts) - settings.cut_bottom]
    if not len(rows):
        raise SourceError(
            f"the thermal pictures have {len(counts)} rows, and thermal.cut_top and thermal.cut_bottom cut "
            "off all of them; leave at least one"
        )
    return rows


def _of_streams(settings: FuseSettings, skip: int | None, seconds: float) -> Iterator[Shot]:
    first_s = last_s = None
    with open_pairs(settings) as pairs:
        for number, pair in enumerate(pairs):
            time_s = float(pair.time_s)
            first_s = time_s if first_s is None else first_s
            if time_s - first_s > seconds:
                return
            due = last_s is None or time_s - last_s >= EVERY_S if skip is None else number % (skip + 1) == 0
            if due and not pair.flags:
                last_s = time_s
                visible, thermal = np.asarray(pair.visible.pixels), np.asarray(pair.thermal.pixels)
                yield Shot(f"{time_s - first_s:.2f} s", visible, thermal)


def _holds_pictures(folder: Path) -> bool:
    return folder.is_dir() and not (folder / ABOUT).exists()


def _check_sizes(shot: Shot, sizes: tuple[Size, Size], views: Views) -> None:
    expected = views.visible_size, views.thermal_size
    for camera, size, first in zip(("visible", "thermal"), sizes, expected, strict=True):
        if size != first:
            raise SourceError(
                f"the {camera} picture {shot.name} has {size[0]}x{size[1]} pixels where the ones before it "
                f"have {first[0]}x{first[1]}; all pictures of a camera must have one size"
            )


def _size(picture: Pixels) -> Size:
    return picture.shape[1], picture.shape[0]
