"""Video encoders that can be chosen, and what quality means to each."""

from __future__ import annotations

from dataclasses import dataclass

import av

from stream.errors import SinkError

DEFAULT_ENCODER = "libx264"
GPU_ENCODER = "h264_nvenc"
SUBSAMPLED = ("yuv420p", "nv12")


@dataclass(frozen=True, slots=True)
class Encoder:
    """A video encoder and how it is used here.

    Attributes:
        name: libav's name.
        options: of the encoder; `{quality}` is replaced.
        best: lowest number of its quality scale, None for an encoder without loss.
        worst: highest number.
        default: what is used when no quality is asked for.
        pixel_format: that it gets; 4:2:0 wherever pictures must play in a browser.
        finest: ticks a second that its time stamps allow at most.
    """

    name: str
    options: dict[str, str]
    best: int | None
    worst: int
    default: int
    pixel_format: str = "yuv420p"
    finest: int = 2**31 - 1

    @property
    def subsampled(self) -> bool:
        """True when width and height must be even."""
        return self.pixel_format in SUBSAMPLED


# No encoder looks ahead: what it holds is lost when the process is killed, and where fusing is slow, eight
# pictures are eight seconds. Superfast at 21 without it makes files as large as superfast at 19 with it, and
# 0.1 to 0.2 dB worse; superfast because at camera rate the processor is scarcer than the disk.
_X264 = {"preset": "superfast", "crf": "{quality}", "tune": "zerolatency"}
# With B-frames, libx265 gives files of one or two frames a decoding time that was never set.
_X265 = {
    "preset": "veryfast",
    "crf": "{quality}",
    "x265-params": "log-level=none:pools=2:bframes=0:rc-lookahead=0:frame-threads=1",
    "forced-idr": "1",
}
_SVT = {"preset": "8", "crf": "{quality}", "svtav1-params": "lp=2:pred-struct=1"}
_VP9 = {"crf": "{quality}", "b": "0", "deadline": "realtime", "cpu-used": "6", "lag-in-frames": "0"}
_MPEG4 = {"qmin": "{quality}", "qmax": "{quality}"}
# NVENC takes a `cq` of 0 for "as you like", so that its scale begins at 1. It works on NV12.
_NVENC = {"preset": "p4", "rc": "vbr", "cq": "{quality}", "b": "0", "bf": "0", "forced-idr": "1"}

ENCODERS = {
    encoder.name: encoder
    for encoder in (
        Encoder("libx264", _X264, 0, 51, 21),
        Encoder("libx265", _X265, 0, 51, 22),
        Encoder("libsvtav1", _SVT, 1, 63, 28),
        Encoder("libvpx-vp9", _VP9, 0, 63, 28, finest=1_000_000),
        Encoder("mpeg4", _MPEG4, 1, 31, 3, finest=65_535),
        Encoder("ffv1", {"level": "3"}, None, 0, 0, pixel_format="bgr0"),
        Encoder(GPU_ENCODER, _NVENC, 1, 51, 19, pixel_format="nv12"),
        Encoder("hevc_nvenc", _NVENC, 1, 51, 21, pixel_format="nv12"),
        Encoder("av1_nvenc", _NVENC, 1, 63, 28, pixel_format="nv12"),
    )
}


def choose_encoder(name: str | None, quality: int | None) -> tuple[Encoder, dict[str, str]]:
    """Look an encoder up and turn a quality into its options.

    Args:
        name: of the encoder; None for H.264 by libx264.
        quality: on the encoder's own scale, lower is better; None for a good one.

    Raises:
        SinkError: when the encoder is unknown or not in this installation, or the quality off its scale.
    """
    encoder = ENCODERS.get(name or DEFAULT_ENCODER)
    if encoder is None:
        raise SinkError(f"no video encoder {name} is known; choose one of {', '.join(ENCODERS)}")
    if encoder.name not in av.codecs_available:
        raise SinkError(
            f"the installed PyAV has no encoder {encoder.name}; choose {DEFAULT_ENCODER} or another"
        )
    if quality is not None:
        _check_quality(encoder, quality)
    chosen = encoder.default if quality is None else quality
    return encoder, {key: value.format(quality=chosen) for key, value in encoder.options.items()}


def _check_quality(encoder: Encoder, quality: int) -> None:
    if encoder.best is None:
        raise SinkError(f"{encoder.name} loses nothing and has no quality, got {quality}; leave it out")
    if not encoder.best <= quality <= encoder.worst:
        raise SinkError(
            f"the quality of {encoder.name} goes from {encoder.best} (best) to {encoder.worst}, got {quality}"
        )
