"""Small videos and pairs of videos for tests, written by real encoders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

Pixels = NDArray[Any]

SAMPLE_RATE = 48_000
# Our name -> (H.273 code point for the tag, name in the scaler).
MATRICES = {"bt601": (6, Colorspace.ITU601), "bt709": (1, Colorspace.ITU709)}


def write_video(
    path: Path,
    frames: Iterable[Pixels],
    *,
    rate: int | Fraction = 25,
    codec: str | None = None,
    pixel_format: str | None = None,
    options: dict[str, str] | None = None,
    audio: bool = False,
    rotation: int = 0,
    start_pts: int = 0,
    times: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    full_range: bool = False,
    matrix: str | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write frames to a video file of the container that the suffix names.

    Args:
        path: the file; `.mp4`, `.mkv`, `.avi`, `.ts`, ...
        frames: [H, W, 3] uint8 RGB, [H, W] uint8 or [H, W] uint16, all of one size.
        rate: frames a second.
        codec: encoder; by default `ffv1` for uint16 frames and `libx264` for the others.
        pixel_format: of the encoder; by default `gray16le` for uint16 frames and `yuv420p` for the others.
        options: of the encoder; by default fast and of good quality.
        audio: add a soft tone as long as the video.
        rotation: degrees counter-clockwise by which a player must turn the picture, as metadata.
        start_pts: time stamp of the first frame, in units of `time_base`.
        times: time stamps of all frames, in units of `time_base`; by default one unit of 1/rate each.
        time_base: unit of the time stamps; by default 1 / rate. Containers may choose another one.
        full_range: luma 0..255 instead of 16..235, tagged as such.
        matrix: `bt601` or `bt709`, used and tagged; None leaves the tag out and uses BT.601.
        container_options: of the container.

    Returns:
        The path.
    """
    frames = list(frames)
    deep = frames[0].dtype == np.uint16
    codec = codec or ("ffv1" if deep else "libx264")
    pixel_format = pixel_format or ("gray16le" if deep else "yuv420p")
    if options is None:
        options = {"preset": "veryfast", "crf": "12"} if codec == "libx264" else {}
    time_base = time_base or 1 / Fraction(rate)
    times = times or range(start_pts, start_pts + len(frames))

    with av.open(str(path), "w", options=container_options or {}) as container:
        stream: Any = container.add_stream(codec, rate=Fraction(rate), options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = time_base
        _tag(stream, full_range or pixel_format.startswith("gray"), matrix)
        if rotation:
            stream.set_display_rotation(rotation)
        sound: Any = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if audio else None
        reformatter = VideoReformatter()
        for pixels, pts in zip(frames, times, strict=True):
            picture = _picture(pixels, pixel_format, reformatter, full_range, matrix)
            picture.pts, picture.time_base = pts, time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if sound is not None:
            _write_tone(container, sound, float(len(frames) / Fraction(rate)))
    return path


def damage_packet(path: Path, index: int) -> None:
    """Overwrite the second half of one coded picture, which every decoder notices."""
    with av.open(str(path)) as container:
        packet = [each for each in container.demux(video=0) if each.size][index]
        place, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[place + size // 2 : place + size] = bytes(size - size // 2)
    path.write_bytes(data)


def moving_pattern(
    count: int, size: tuple[int, int] = (64, 48), *, depth: int = 8, colour: bool = False
) -> list[Pixels]:
    """A bright square that walks to the right over a gradient.

    Args:
        count: number of frames.
        size: width and height in pixels.
        depth: significant bits; above 8 the frames are uint16.
        colour: [H, W, 3] RGB instead of [H, W].
    """
    width, height = size
    top = 2**depth - 1
    ramp = np.linspace(0.1, 0.5, width)[None, :] * np.linspace(0.6, 1.0, height)[:, None]
    side = max(2, height // 4)
    frames = []
    for index in range(count):
        picture = ramp.copy()
        left = (2 * index) % max(1, width - side)
        picture[side : 2 * side, left : left + side] = 0.9
        grey = (picture * top).round().astype(np.uint8 if depth == 8 else np.uint16)
        frames.append(np.stack([grey, grey // 2, 255 - grey], axis=-1) if colour else grey)
    return frames


def make_pair(
    folder: Path,
    *,
    count: int = 10,
    size: tuple[int, int] = (64, 48),
    thermal_size: tuple[int, int] | None = None,
    rate: int | Fraction = 25,
    thermal_rate: int | Fraction | None = None,
    thermal_count: int | None = None,
    bits: int = 8,
    audio: bool = False,
) -> tuple[Path, Path]:
    """Write `visible.mp4` and `thermal.mp4` (8 bits) or `thermal.mkv` (deeper, exact counts).

    Args:
        folder: where; must exist.
        count: visible frames.
        size: width and height of the visible frames.
        thermal_size: of the thermal frames, by default the same.
        rate: visible frames a second.
        thermal_rate: thermal frames a second, by default the same.
        thermal_count: thermal frames, by default as many as visible ones.
        bits: 8, 10, 12, 14 or 16.
        audio: give the visible file a tone.

    Returns:
        The paths of the visible and the thermal file.
    """
    visible = write_video(
        folder / "visible.mp4", moving_pattern(count, size, colour=True), rate=rate, audio=audio
    )
    warm = moving_pattern(thermal_count or count, thermal_size or size, depth=bits)
    name = "thermal.mp4" if bits == 8 else "thermal.mkv"
    pixel_format = None if bits == 8 else f"gray{bits}le"
    thermal = write_video(folder / name, warm, rate=thermal_rate or rate, pixel_format=pixel_format)
    return visible, thermal


def _tag(stream: Any, full_range: bool, matrix: str | None) -> None:
    stream.codec_context.color_range = int(ColorRange.JPEG if full_range else ColorRange.MPEG)
    if matrix:
        code_point = MATRICES[matrix][0]
        stream.codec_context.colorspace = code_point
        stream.codec_context.color_primaries = code_point
        stream.codec_context.color_trc = code_point


def _picture(
    pixels: Pixels, pixel_format: str, reformatter: VideoReformatter, full_range: bool, matrix: str | None
) -> av.VideoFrame:
    if pixels.ndim == 2 and pixels.dtype == np.uint8 and pixel_format.startswith("yuv"):
        pixels = np.stack([pixels] * 3, axis=-1)
    if pixels.ndim == 3:
        source = "rgb24"
    elif pixels.dtype == np.uint8:
        source = "gray"
    else:
        source = pixel_format if pixel_format.startswith("gray") else "gray16le"
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), source)
    if source == pixel_format:
        return picture
    return reformatter.reformat(
        picture,
        format=pixel_format,
        dst_colorspace=MATRICES[matrix or "bt601"][1],
        dst_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
        threads=1,
    )


def _write_tone(container: Any, sound: Any, duration_s: float) -> None:
    step = 1024
    for start in range(0, round(duration_s * SAMPLE_RATE), step):
        phase = 2 * np.pi * 440 * np.arange(start, start + step) / SAMPLE_RATE
        frame = av.AudioFrame.from_ndarray((0.2 * np.sin(phase)).astype(np.float32)[None], "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        container.mux(sound.encode(frame))
    container.mux(sound.encode(None))
