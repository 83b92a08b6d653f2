"""Checks of PyAV for `doctor`: encoders, those of the GPU too, and decoders."""

from __future__ import annotations

import av

from stream.doctor.row import DECODERS, Row
from stream.errors import SinkError
from stream.sinks.base import SinkOptions
from stream.sinks.video.encoders import DEFAULT_ENCODER, ENCODERS, choose_encoder
from stream.sinks.video.trial_encode import encode_black

# Its library writes a page of its settings to standard error whenever it is opened.
_TALKATIVE = "libsvtav1"


def encoder_rows() -> list[Row]:
    """Encode a picture with each encoder."""
    software = [name for name in ENCODERS if not name.endswith("_nvenc")]
    hardware = [name for name in ENCODERS if name.endswith("_nvenc")]
    working = [name for name in software if _works(name)]
    if DEFAULT_ENCODER in working:
        first = Row("encoders", "ok", ", ".join(working))
    else:
        remedy = "python -m pip install --force-reinstall av"
        first = Row("encoders", "problem", f"{DEFAULT_ENCODER} does not work", remedy)
    return [first, _hardware_row([name for name in hardware if _works(name)])]


def _hardware_row(working: list[str]) -> Row:
    if working:
        return Row("NVENC", "ok", ", ".join(working))
    remedy = (
        f"{DEFAULT_ENCODER} is used; H100, H200 and A100 have no NVENC, GeForce, RTX and L-series GPUs have, "
        "and a container sees it only with NVIDIA_DRIVER_CAPABILITIES=compute,utility,video"
    )
    return Row("NVENC", "missing", "none", remedy)


def _works(name: str) -> bool:
    if name == _TALKATIVE:
        return name in av.codecs_available
    try:
        encode_black("matroska", choose_encoder(name, None), SinkOptions())
    except (av.error.FFmpegError, ValueError, SinkError):
        return False
    return True


def decoder_row() -> Row:
    """Decoders of the usual kinds of video."""
    absent = [name for name in DECODERS if name not in av.codecs_available]
    if absent:
        return Row(
            "decoders", "missing", f"no {', '.join(absent)}", "python -m pip install --force-reinstall av"
        )
    return Row("decoders", "ok", ", ".join(DECODERS))
