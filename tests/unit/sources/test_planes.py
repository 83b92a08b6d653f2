"""Video that travels as luma and chroma, and the RGB that is made of it on demand."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stream.config import InputSettings
from stream.frame import Frame
from stream.picture import YuvPlanes
from stream.sources import open_source
from stream.sources.video.pixels import FrameToPixels, choose_target
from tests.helpers.media import moving_pattern, write_video


def opened(path: Path, role: str = "visible") -> tuple[Frame, object]:
    with open_source(InputSettings(uri=str(path)), role) as source:  # type: ignore[arg-type]  # a Side
        return next(iter(source)), source.info.luma


def by_way_of_rgb(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return FrameToPixels(choose_target(frame.format, "visible", None, "it"))(frame)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("matrix", "code"), [("bt601", 6), ("bt709", 1), (None, 6)])
@pytest.mark.parametrize("size", [(64, 48), (50, 34)])
def test_planes_are_the_decoders_and_their_rgb_is_the_one_of_before(
    tmp_path: Path, full_range: bool, matrix: str | None, code: int, size: tuple[int, int]
) -> None:
    frames = moving_pattern(2, size, colour=True)
    path = write_video(tmp_path / "v.mkv", frames, full_range=full_range, matrix=matrix)
    frame, luma = opened(path)
    planes = frame.picture
    assert isinstance(planes, YuvPlanes)
    assert luma == planes.luma_range == ("full" if full_range else "limited")
    assert (planes.matrix, frame.size) == (code, size)
    with av.open(str(path)) as container:
        stored = next(container.decode(video=0)).to_ndarray(format="yuv420p" if not full_range else None)
    np.testing.assert_array_equal(planes.y, stored[: size[1]])
    rgb = frame.pixels
    np.testing.assert_array_equal(rgb, by_way_of_rgb(path))
    assert frame.pixels is rgb


def test_sides_that_are_odd(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", moving_pattern(1, (51, 35), colour=True), codec="ffv1")
    frame, _ = opened(path)
    assert isinstance(frame.picture, YuvPlanes)
    assert (frame.picture.y.shape, frame.picture.u.shape) == ((35, 51), (18, 26))
    np.testing.assert_array_equal(frame.pixels, by_way_of_rgb(path))


@pytest.mark.parametrize(
    ("codec", "pixel_format", "rotation"),
    [("libx264", "yuv444p", 0), ("libx264", "yuv422p", 0), ("libx264", "yuv420p10le", 0), ("ffv1", "bgr0", 0),
     ("libx264", "yuv420p", 90)],
)  # fmt: skip
def test_everything_else_goes_by_way_of_rgb(
    tmp_path: Path, codec: str, pixel_format: str, rotation: int
) -> None:
    frames = moving_pattern(1, (64, 48), colour=True)
    suffix = "mp4" if rotation else "mkv"
    path = write_video(
        tmp_path / f"v.{suffix}", frames, codec=codec, pixel_format=pixel_format, rotation=rotation
    )
    frame, luma = opened(path)
    assert isinstance(frame.picture, np.ndarray)
    assert luma is None


def test_thermal_video_stays_grey_and_a_gpu_gets_rgb(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", moving_pattern(1, (64, 48), colour=True))
    assert isinstance(opened(path, "thermal")[0].picture, np.ndarray)
    settings = InputSettings(uri=str(path), decoder="cpu")
    with open_source(settings, "visible", torch.device("cuda", 0)) as source:
        assert isinstance(next(iter(source)).picture, np.ndarray)
        assert source.info.luma is None


def test_planes_outlive_their_source(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", moving_pattern(12, (64, 48), colour=True))
    with open_source(InputSettings(uri=str(path)), "visible") as source:
        frames = list(source)
    with open_source(InputSettings(uri=str(path)), "visible") as source:
        for kept, fresh in zip(frames, source, strict=True):
            np.testing.assert_array_equal(kept.pixels, fresh.pixels)


def test_planes_are_no_thermal_frame(tmp_path: Path) -> None:
    frame, _ = opened(write_video(tmp_path / "v.mkv", moving_pattern(1, (64, 48), colour=True)))
    with pytest.raises(ValueError, match="not a colour picture"):
        Frame(frame.picture, "gray8", frame.time_s, "pts", 0)
