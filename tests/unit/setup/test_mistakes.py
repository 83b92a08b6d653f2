"""Each mistake of the first hour, made on purpose with files written here, is said in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream.calibrate.scene.run import FrameSet
from stream.config import InputSettings, ThermalInputSettings
from stream.render.colour_maps import colour_table
from stream.setup.look import SourceLook, look_at
from stream.setup.mistakes.content import content_findings
from stream.setup.mistakes.finding import Finding
from stream.setup.mistakes.lens import lens_finding
from stream.setup.mistakes.shreds import real_size, with_size
from stream.setup.mistakes.sides import side_findings
from stream.setup.mistakes.timing import apart_s, apart_sentence, rate_finding
from stream.sync_check.motion import Motion
from tests.helpers.media import write_video

Pixels = NDArray[Any]
SIZE = (96, 64)


def blobs(seed: int, size: tuple[int, int] = SIZE) -> Pixels:
    """[H, W] uint8, a few warm things on a cool ground."""
    rng = np.random.default_rng(seed)
    picture = np.full((size[1], size[0]), 60, np.float32) + rng.normal(0, 2, (size[1], size[0]))
    for x, y in rng.uniform(0.1, 0.9, (4, 2)) * size:
        cv2.circle(picture, (int(x), int(y)), size[0] // 12, 210, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5).clip(0, 255).astype(np.uint8))


def natural(seed: int, size: tuple[int, int] = SIZE) -> Pixels:
    """[H, W, 3] uint8 in many colours."""
    rng = np.random.default_rng(seed)
    small = rng.integers(20, 230, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC))


def rgb(grey: Pixels) -> Pixels:
    return np.repeat(grey[..., None], 3, axis=2)


def look(path: Path, picture: Pixels, side: str) -> SourceLook:
    """A look at a file in a place: a TIFF folder of counts, or a video."""
    if picture.dtype == np.uint16:
        path.mkdir()
        cv2.imwrite(str(path / "0.tiff"), picture)
        cv2.imwrite(str(path / "1.tiff"), picture)
    else:
        write_video(path.with_suffix(".mkv"), [picture] * 2)
        path = path.with_suffix(".mkv")
    if side == "visible":
        return look_at(InputSettings(uri=str(path)), "visible")
    return look_at(ThermalInputSettings(uri=str(path)), "thermal")


def counts(seed: int) -> Pixels:
    return np.asarray(blobs(seed).astype(np.uint16) * 8 + 7000)


def iron(seed: int) -> Pixels:
    return np.asarray(colour_table("iron")[blobs(seed)])


PAIRS: dict[str, tuple[Callable[[], Pixels], Callable[[], Pixels], str]] = {
    "swapped": (lambda: counts(1), lambda: natural(1), "seem swapped: the first one holds grey counts"),
    "swapped palette": (lambda: iron(1), lambda: natural(1), r"coloured by a thermal palette \(iron\)"),
    "swapped grey": (lambda: rgb(blobs(1)), lambda: natural(1), "the first one has no colours"),
    "visible-counts": (lambda: counts(1), lambda: counts(2), "name the visible camera first"),
    "palette": (lambda: natural(1), lambda: iron(2), r"palette \(iron\).*256 steps.*set the camera to white"),
    "coloured-thermal": (lambda: natural(1), lambda: natural(2), "by no palette that is known"),
    "thermal-larger": (
        lambda: natural(1, (64, 48)),
        lambda: rgb(blobs(2, (96, 64))),
        r"\(96x64\) is larger than the visible one \(64x48\).*main stream",
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_a_mistake_of_sides_is_one_sentence(kind: str, tmp_path: Path) -> None:
    first, second, said = PAIRS[kind]
    seen = look(tmp_path / "v", first(), "visible"), look(tmp_path / "t", second(), "thermal")
    (finding,) = side_findings(*seen)
    assert finding.kind == kind.split()[0]
    assert_sentence(finding, said)


def test_a_good_pair_raises_no_suspicion(tmp_path: Path) -> None:
    seen = look(tmp_path / "v", natural(1), "visible"), look(tmp_path / "t", rgb(blobs(2)), "thermal")
    assert not side_findings(*seen)


def test_one_source_named_twice(tmp_path: Path) -> None:
    seen = look(tmp_path / "v", natural(1), "visible")
    both = seen, look_at(ThermalInputSettings(uri=seen.settings.uri), "thermal")
    assert_sentence(side_findings(*both)[0], "one and the same source.*--visible-crop left")


def test_one_name_for_both_sides_of_a_source_is_no_mistake() -> None:
    uri = "synthetic://street?seed=1&size=160x120&duration=1"
    seen = look_at(InputSettings(uri=uri), "visible"), look_at(ThermalInputSettings(uri=uri), "thermal")
    assert not side_findings(*seen)
    assert seen[0].words(None).startswith("160x120, 25 frames/s, 25 frames")


def test_one_camera_twice_is_seen_by_its_pictures() -> None:
    pictures = [natural(seed) for seed in range(4)]
    moments = [FrameSet(one, np.asarray(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY))) for one in pictures]
    (finding,) = content_findings(moments, is_deep=False, states_palette=False)
    assert finding.weight == "stop"
    assert_sentence(finding, "one camera twice.*name the thermal camera")


@pytest.mark.parametrize("inverted", [False, True])
def test_black_hot_is_suspected_by_what_is_extreme_and_what_moves(inverted: bool) -> None:
    thermal = [255 - blobs(seed) if inverted else blobs(seed) for seed in range(5)]
    moments = [FrameSet(natural(9), one) for one in thermal]
    found = content_findings(moments, is_deep=False, states_palette=False)
    assert bool(found) == inverted
    if inverted:
        assert_sentence(found[0], "seems black hot.*--thermal-palette black-hot")
    assert not content_findings(moments, is_deep=False, states_palette=True)
    assert not content_findings(moments, is_deep=True, states_palette=False)


def grid(bend: float, size: tuple[int, int] = (480, 360)) -> NDArray[np.float32]:
    """Shelves beside a fence, seen through a lens that bends them by the division model."""
    y, x = np.indices((size[1], size[0]), np.float32)
    half = np.float32(np.hypot(*size) / 2)
    right, down = (x - size[0] / 2) / half, (y - size[1] / 2) / half
    back = 1 / (1 + bend * (right**2 + down**2))
    stripes = np.where(right < 0, np.sin(down * back * 14), np.sin(right * back * 14))
    return np.asarray(150 + 60 * np.sign(stripes), np.float32)


def test_a_fisheye_is_suspected_by_bent_edges_or_black_corners() -> None:
    bent = lens_finding([grid(-0.5)], "visible")
    assert bent is not None
    assert_sentence(bent, "edges in the visible picture bend.*calibrate board")
    assert lens_finding([grid(0.0)], "visible") is None
    assert lens_finding([grid(-0.1)], "visible") is None
    y, x = np.indices((360, 480))
    is_inside = np.hypot(x - 239.5, y - 179.5) < 175
    picture = np.asarray(cv2.cvtColor(natural(3, (480, 360)), cv2.COLOR_RGB2GRAY), np.float32) + 30
    round_one = lens_finding([np.where(is_inside, picture, 0).astype(np.float32)], "thermal")
    assert round_one is not None
    assert_sentence(round_one, "the thermal picture is round")
    assert lens_finding([picture], "thermal") is None


def test_pictures_saved_with_their_sides_swapped_are_seen_and_named() -> None:
    whole = blobs(5, (80, 60)).astype(np.uint16)
    assert real_size(whole) is None
    assert real_size(whole.reshape(80, 60)) == (80, 60)
    stripes = np.asarray(np.tile(np.arange(60) % 2 * 200, (80, 1)).T.astype(np.uint8))
    assert real_size(stripes) is None
    assert with_size("my folder/thermal", (80, 60)) == "thermal://my%20folder/thermal?size=80x60"
    assert with_size("images://a?rate=9", (80, 60)) == "thermal://a?rate=9&size=80x60"
    assert with_size("rtsp://camera/1", (80, 60)) is None


def motion(rate: float, begin_s: float = 0.0, seconds: float = 10.0) -> Motion:
    stamps_s = begin_s + np.arange(round(rate * seconds)) / rate
    return Motion(stamps_s[1:], np.ones(len(stamps_s) - 1), stamps_s)


def test_unequal_rates_are_said_with_what_comes_of_them() -> None:
    finding = rate_finding(motion(30), motion(9))
    assert finding is not None
    assert_sentence(
        finding, "gives 30 frames/s and the thermal one 9: the fused stream has 9.*unpaired to hold"
    )
    assert rate_finding(motion(30), motion(25)) is None
    other = rate_finding(motion(9), motion(30))
    assert other is not None
    assert_sentence(other, "set the thermal camera to the rate")


def test_recordings_of_different_times_are_told_the_way_out() -> None:
    assert apart_s(motion(25), motion(25, 5.0)) is None
    between_s = apart_s(motion(25), motion(25, 1000.0))
    assert between_s == pytest.approx(1000)
    said = apart_sentence(1000.0)
    assert "begins 1000 s after the visible one" in said and "--offset-ms 1000000" in said


def assert_sentence(finding: Finding, pattern: str) -> None:
    """One sentence, without a full stop, of what was seen and what to do."""
    import re

    assert re.search(pattern, finding.sentence), finding.sentence
    assert not finding.sentence.endswith(".") and ". " not in finding.sentence
    assert len(finding.sentence) < 300
