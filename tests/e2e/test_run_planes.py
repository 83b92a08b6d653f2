"""Luma and chroma on their way from a file to a file."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.conftest import Gifnet
from tests.helpers.media import moving_pattern, write_video

LOSSLESS = ("--encoder", "libx264", "--quality", "0")


def stored(path: Path) -> NDArray[np.uint8]:
    """Luma and chroma of all frames as decoded, [N, 3 H / 2, W]."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray() for frame in container.decode(video=0)])


@pytest.mark.parametrize("view", ["fused", "visible"])
@pytest.mark.parametrize(("matrix", "full_range"), [("bt601", False), ("bt709", False), ("bt709", True)])
def test_what_no_network_touches_comes_out_bit_by_bit(
    run: Gifnet, tmp_path: Path, view: str, matrix: str, full_range: bool
) -> None:
    frames = moving_pattern(4, (64, 48), colour=True)
    visible = write_video(tmp_path / "v.mkv", frames, matrix=matrix, full_range=full_range)
    thermal = write_video(tmp_path / "t.mkv", moving_pattern(4, (64, 48)))
    out = tmp_path / "out.mkv"
    model = "null" if view == "fused" else "full"
    done = run(visible, thermal, "-o", out, *LOSSLESS, "--model", model, "--view", view)
    assert done.status == 0, done.err
    np.testing.assert_array_equal(stored(out), stored(visible))
    with av.open(str(out)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (6 if matrix == "bt601" else 1, 1 + full_range)


def test_sides_that_are_odd_grow_as_before(run: Gifnet, tmp_path: Path) -> None:
    visible = write_video(tmp_path / "v.mkv", moving_pattern(2, (51, 35), colour=True), codec="ffv1")
    thermal = write_video(tmp_path / "t.mkv", moving_pattern(2, (51, 35)), codec="ffv1", pixel_format="gray")
    done = run(visible, thermal, "-o", tmp_path / "out.mkv", *LOSSLESS, "--model", "null")
    assert done.status == 0, done.err
    pictures = []
    for path in (visible, tmp_path / "out.mkv"):
        with av.open(str(path)) as container:
            pictures.append(next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int))
    assert pictures[1].shape == (36, 52, 3)
    assert np.abs(pictures[1][:35, :51] - pictures[0]).mean() < 3


def test_side_by_side_shows_the_pictures_of_both(run: Gifnet, tmp_path: Path) -> None:
    visible = write_video(tmp_path / "v.mkv", moving_pattern(2, (64, 48), colour=True))
    thermal = write_video(tmp_path / "t.mkv", moving_pattern(2, (64, 48)))
    out = tmp_path / "out.mkv"
    done = run(visible, thermal, "-o", out, *LOSSLESS, "--model", "null", "--view", "side-by-side")
    assert done.status == 0, done.err
    luma = stored(out)[:, :48].astype(int)
    assert np.abs(luma[:, :, :64] - stored(visible)[:, :48]).max() <= 2
    assert np.abs(luma[:, :, 128:] - luma[:, :, :64]).max() <= 1
