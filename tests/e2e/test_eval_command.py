"""`gifnet eval` on videos that `gifnet run` encoded: frames meet their sources, and steadiness counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.conftest import Gifnet
from tests.helpers.media import write_video

METRICS = "--metric=SD", "--metric=VIF"


def scene(seed: int, count: int, noise: float = 5.0) -> list[NDArray[np.uint8]]:
    """A still texture with a bright square that moves 2 pixels a frame, and noise."""
    random = np.random.default_rng(seed)
    still = np.kron(random.integers(60, 180, (16, 24)), np.ones((8, 8)))
    frames = []
    for index in range(count):
        frame = still + random.normal(0, noise, still.shape)
        frame[24:40, 2 * index : 2 * index + 16] = 230
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    return frames


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Visible at 24 and thermal at 12 frames a second, one second of each."""
    thermal = scene(2, 24)[::2]
    visible = write_video(tmp_path / "v.mp4", scene(1, 24), rate=24)
    return visible, write_video(tmp_path / "t.mp4", thermal, rate=12)


def means(gifnet: Gifnet, pair: tuple[Path, Path], *fused: str, words: tuple[str, ...] = ()) -> Any:
    named = [f"--fused={each}" for each in fused]
    done = gifnet("eval", "--visible", pair[0], "--thermal", pair[1], *named, *METRICS, *words, "--json",
                  "--workers=1", "--quiet")  # fmt: skip
    assert done.status == 0, done.err
    return json.loads(done.out)["mean"]


def test_a_fused_video_is_measured_beside_another(
    gifnet: Gifnet, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """By the null model: the fused video is the visible one, encoded once more."""
    for name, steady in (("plain", 0), ("steady", 0.8)):
        done = gifnet("run", *pair, "-o", tmp_path / f"{name}.mp4", "--model", "null", "--steady", steady,
                      "--tolerance-ms", 100, "--device", "cpu", "--quiet")  # fmt: skip
        assert done.status == 0, done.err
    got = means(gifnet, pair, f"plain={tmp_path / 'plain.mp4'}", f"steady={tmp_path / 'steady.mp4'}")
    visible = np.mean([frame.std() for frame in scene(1, 24)[::10]])
    assert got["plain"]["SD"] == pytest.approx(visible, rel=0.03)
    # The visible part of the sum of both; encoding takes part of the noise.
    assert 0.6 < got["plain"]["VIF"] < 1.4
    assert got["steady"]["warped difference"] < 0.7 * got["plain"]["warped difference"]
    assert got["steady"]["SD"] == pytest.approx(got["plain"]["SD"], rel=0.02)


def test_frames_of_a_slower_video_are_compared_at_their_times(
    gifnet: Gifnet, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """Every third visible frame as fused video: nearest in time is the very frame it shows."""
    slower = write_video(tmp_path / "slower.mp4", scene(1, 24)[::3], rate=8)
    early = write_video(tmp_path / "early.mp4", scene(1, 24)[:8], rate=8)
    got = means(gifnet, pair, f"slower={slower}", f"early={early}", words=("--every=1",))
    assert got["slower"]["VIF"] > got["early"]["VIF"] + 0.05


def test_what_is_no_video_is_one_sentence(gifnet: Gifnet, pair: tuple[Path, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(pair[0].read_bytes()[:700])
    short = write_video(tmp_path / "short.mp4", scene(1, 2), rate=24)
    for path, words in ((broken, "broken.mp4"), (short, "at least 3"), (tmp_path / "none.mp4", "not exist")):
        done = gifnet("eval", "--visible", pair[0], "--thermal", pair[1], f"--fused=it={path}", "--quiet")
        assert done.status == 1
        assert words in done.err and done.err.count("\n") == 1, done.err
