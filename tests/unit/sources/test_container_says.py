"""Shape of pixels, interlacing and HDR, as containers state them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stream.config import Deinterlace, InputSettings
from stream.frame import Colour, Frame, Side
from stream.sources import Source, open_source
from tests.helpers.media import Pixels, moving_pattern, write_video

LOSSLESS = {"preset": "veryfast", "qp": "0"}


def source_of(path: Path, role: Side = "visible") -> Any:
    return open_source(InputSettings(uri=str(path)), role)


def read(path: Path, role: Side = "visible") -> tuple[list[Frame], Source]:
    with source_of(path, role) as source:
        frames = list(source)
        assert {(source.info.width, source.info.height)} == {frame.size for frame in frames}
        return frames, source


def with_aspect(path: Path, target: Path, aspect: Fraction) -> Path:
    """The same packets, in a container that states the shape of pixels."""
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        stream.sample_aspect_ratio = aspect
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                copy.mux(packet)
    return target


@pytest.mark.parametrize("rotation", [0, 90])
def test_the_shape_of_pixels_is_told_of_upright_pictures(tmp_path: Path, rotation: int) -> None:
    plain = write_video(tmp_path / "plain.mp4", moving_pattern(2, colour=True), rotation=rotation)
    _, source = read(with_aspect(plain, tmp_path / "v.mp4", Fraction(64, 45)))
    assert source.rotation == rotation
    assert source.info.pixel_aspect == (Fraction(45, 64) if rotation else Fraction(64, 45))


@pytest.mark.parametrize("aspect", [Fraction(1, 200), Fraction(200)])
def test_impossible_shapes_are_not_believed(tmp_path: Path, aspect: Fraction) -> None:
    plain = write_video(tmp_path / "plain.mp4", moving_pattern(2, colour=True))
    assert read(with_aspect(plain, tmp_path / "v.mp4", aspect))[1].info.pixel_aspect == 1


def halves(count: int) -> list[Pixels]:
    """A bar that walks four pixels to the right from half picture to half picture, the lower lines first."""
    frames = []
    for index in range(count):
        frame = np.full((64, 96, 3), 60, np.uint8)
        for line in (0, 1):
            left = 8 * index + 4 * (1 - line)
            frame[line::2, left : left + 12] = 200
        frames.append(frame)
    return frames


def combs(pixels: Pixels) -> float:
    """Difference of neighbouring lines, beyond what lines of one half picture do."""
    lines = pixels.astype(float)
    return float(
        np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:]).mean() - np.abs(lines[2:] - lines[:-2]).mean()
    )


def interlaced(path: Path, count: int = 10) -> Path:
    return write_video(path, halves(count), options=LOSSLESS | {"flags": "+ildct+ilme"})


@pytest.mark.parametrize("role", ["visible", "thermal"])
def test_interlaced_frames_become_whole_pictures(tmp_path: Path, role: Side) -> None:
    path = interlaced(tmp_path / "v.mkv")
    with av.open(str(path)) as container:
        stored = next(container.decode(video=0))
        assert stored.interlaced_frame, "the file must be interlaced for this test to mean something"
        assert combs(stored.to_ndarray(format="rgb24")) > 10
    frames, source = read(path, role)
    assert [frame.time_s for frame in frames] == [index * Fraction(1, 25) for index in range(10)]
    assert [frame.index for frame in frames] == list(range(10)) and not source.lost
    for index, frame in enumerate(frames[1:-1], 1):
        assert combs(frame.pixels) < 1
        row = frame.pixels.reshape(64, 96, -1)[33, :, 0]
        bright = np.flatnonzero(row > 130)
        assert abs(bright.min() - 8 * index) <= 1, "the picture is that of the first half"


@pytest.mark.parametrize(("wanted", "marked", "combed"), [("off", True, True), ("on", False, False)])
def test_the_user_knows_better_than_the_mark(
    tmp_path: Path, wanted: Deinterlace, marked: bool, combed: bool
) -> None:
    path = tmp_path / "v.mkv"
    if marked:
        interlaced(path)
    else:
        write_video(path, halves(10), options=LOSSLESS)
    with open_source(InputSettings(uri=str(path), deinterlace=wanted), "visible") as source:
        frames = list(source)
    assert len(frames) == 10
    assert (combs(frames[5].pixels) > 10) == combed


def test_progressive_frames_pass_as_they_are(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", halves(4), options=LOSSLESS)
    for frame, whole in zip(read(path)[0], halves(4), strict=True):
        assert np.abs(frame.pixels.astype(int) - whole).max() <= 3


def test_counts_of_interlaced_thermal_files_are_exact(tmp_path: Path) -> None:
    counts = moving_pattern(3, depth=16)
    path = write_video(tmp_path / "t.mkv", counts, options={"flags": "+ildct+ilme"})
    np.testing.assert_array_equal([frame.pixels for frame in read(path, "thermal")[0]], counts)


# Both systems the other way round, from ITU-R BT.2100-2: light in cd/m2 to a signal of 0..1.
def pq_signal(light: Pixels) -> Pixels:
    power = (np.clip(light, 0, None) / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg_signal(light: Pixels) -> Pixels:
    shown = np.clip(light, 0, None) / 1000
    luminance = np.maximum(shown @ [0.2627, 0.6780, 0.0593], 1e-9)
    scene = shown * (luminance ** (1 / 1.2 - 1))[..., None]
    with np.errstate(invalid="ignore"):
        upper = 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


BT2020_FROM_BT709 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def write_hdr(
    path: Path, sdr: Pixels, transfer: int, signal: Callable[[Pixels], Pixels], gain: float = 1
) -> Path:
    """The same light on an HDR display, white at 203 cd/m2, as 10-bit YUV 4:4:4 without loss."""
    light = gain * 203 * (sdr / 255) ** 2.4 @ BT2020_FROM_BT709.T
    red, green, blue = np.moveaxis(signal(light), -1, 0)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = [64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *luma.shape, "yuv444p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = (
            9,
            9,
            transfer,
            1,
        )
        frame = av.VideoFrame(luma.shape[1], luma.shape[0], "yuv444p10le")
        for plane, values in zip(frame.planes, planes, strict=True):
            rows = np.zeros((luma.shape[0], plane.line_size // 2), "<u2")
            rows[:, : luma.shape[1]] = np.round(values)
            plane.update(rows.tobytes())
        frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = 9, 9, transfer, 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("transfer", "signal"), [(16, pq_signal), (18, hlg_signal)])
def test_hdr_looks_like_its_sdr_original(
    tmp_path: Path, transfer: int, signal: Callable[[Pixels], Pixels]
) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (6, 8, 3))
    colours[0] = np.linspace(0, 255, 8)[:, None]
    sdr = colours.repeat(8, 0).repeat(8, 1)
    (frame,), source = read(write_hdr(tmp_path / "v.mkv", sdr, transfer, signal))
    error = frame.pixels.astype(int) - sdr
    # Codes of 10 bits are coarse in the dark, where SDR has more of them.
    assert np.abs(error[sdr >= 32]).max() <= 6 and np.abs(error).mean() < 1
    assert frame.pixels[0, -1].min() >= 254, "white stays white"
    assert source.info.colour == Colour(1, 1, 1)
    assert source.stored_colour == Colour(9, 9, transfer)


def test_what_is_brighter_than_white_is_cut_off(tmp_path: Path) -> None:
    grey = np.full((16, 16, 3), 230)
    path = write_hdr(tmp_path / "v.mkv", grey, 16, pq_signal, gain=4)
    assert read(path)[0][0].pixels.min() == 255


def test_a_thermal_picture_keeps_its_codes(tmp_path: Path) -> None:
    path = write_hdr(tmp_path / "v.mkv", np.full((16, 16, 3), 255), 16, pq_signal)
    (frame,), _ = read(path, "thermal")
    assert abs(int(frame.pixels[0, 0]) - round(1023 * float(pq_signal(np.array(203.0))))) <= 1


@pytest.mark.refdata
def test_reported_shape_and_combs(refdata: Path) -> None:
    folder = refdata / "cases/files/16-sar-and-interlace"
    assert read(folder / "sar_64_45.mp4")[1].info.pixel_aspect == Fraction(64, 45)
    woven = read(folder / "interlaced.mkv")[0]
    with av.open(str(folder / "interlaced.mkv")) as container:
        stored = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    # The numbers at the top differ from half to half in every frame alike.
    assert len(woven) == len(stored) == 12
    assert sum(combs(frame.pixels[20:]) for frame in woven) < 0.1 * sum(combs(each[20:]) for each in stored)


@pytest.mark.refdata
@pytest.mark.parametrize(("name", "most"), [("pq_10bit.mp4", 2), ("hlg_10bit.mp4", 4)])
def test_reported_hdr(refdata: Path, name: str, most: float) -> None:
    # The same scene in SDR; only its tag says that pixels are not square.
    with av.open(str(refdata / "cases/files/16-sar-and-interlace/sar_64_45.mp4")) as container:
        sdr = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    frames, _ = read(refdata / "cases/files/19-hdr" / name)
    assert len(frames) == 12
    assert np.mean([np.abs(a.pixels - b).mean() for a, b in zip(frames, sdr, strict=True)]) < most
