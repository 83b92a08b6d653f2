"""A rehearsal before the first frame: does this encoder work here, and does it fit into this container?"""

from __future__ import annotations

import io
import logging
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from stream.errors import SinkError
from stream.files.output_path import reason
from stream.runtime.quiet import silence_libraries
from stream.sinks.base import SinkOptions
from stream.sinks.video.encoders import DEFAULT_ENCODER, GPU_ENCODER, Encoder, choose_encoder
from stream.sinks.video.file import VideoFile

_SIZE = (256, 256)

Coder = tuple[Encoder, dict[str, str]]

_log = logging.getLogger(__name__)


def choose_coder(container: str, options: SinkOptions) -> Coder:
    """The encoder that is asked for; without one, NVENC where the GPU fuses and has it, else libx264.

    NVENC is tried with a picture of the size that will be written, since it does not take every size.

    Raises:
        SinkError: when the encoder is unknown or not in this installation, or the quality off its scale.
    """
    silence_libraries()
    if options.encoder is None and options.device == "cuda":
        coder = gpu_coder(options.quality)
        if coder and opens(container, coder, options):
            return coder
        _log.info("%s cannot be opened here for such pictures: %s is used", GPU_ENCODER, DEFAULT_ENCODER)
    return choose_encoder(options.encoder, options.quality)


def gpu_coder(quality: int | None) -> Coder | None:
    """NVENC with a quality; None where its scale does not have that number, or this PyAV not the encoder."""
    try:
        return choose_encoder(GPU_ENCODER, quality)
    except SinkError:
        return None


def opens(container: str, coder: Coder, options: SinkOptions) -> bool:
    """True when one silent black picture can be encoded into memory."""
    try:
        encode_black(container, coder, replace(options, audio_from=None), options.size or _SIZE)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def rehearse(path: Path, container: str, coder: Coder, options: SinkOptions) -> SinkOptions:
    """Encode one black picture into memory; without sound where only that does not fit the container.

    Returns:
        The options that work.

    Raises:
        SinkError: when the encoder cannot be opened here, or the container cannot hold its pictures.
    """
    try:
        encode_black(container, coder, options)
        return options
    except (av.error.FFmpegError, ValueError) as error:
        if options.audio_from:
            silent = rehearse(path, container, coder, replace(options, audio_from=None))
            _log.warning(
                "the audio of %s is left out of %s: %s", options.audio_from, path.name, reason(error)
            )
            return silent
        raise SinkError(_why_not(path, coder[0], error)) from error


def encode_black(container: str, coder: Coder, options: SinkOptions, size: tuple[int, int] = _SIZE) -> None:
    """Encode one black picture into memory; raises what PyAV raises."""
    width, height = size
    file = VideoFile(io.BytesIO(), container, coder, options, size, Fraction(0))
    try:
        file.add(np.zeros((height, width, 3), np.uint8), Fraction(0))
    except BaseException:
        with suppress(av.error.FFmpegError, ValueError):
            file.close()
        raise
    file.finish()


def _why_not(path: Path, encoder: Encoder, error: Exception) -> str:
    if encoder.name.endswith("_nvenc") and not isinstance(error, ValueError):
        return (
            f"the encoder {encoder.name} cannot be opened: this machine has no NVIDIA video encoder for it "
            f"(H100, H200 and A100 have none) or no driver; take the encoder {DEFAULT_ENCODER}"
        )
    return (
        f"{encoder.name} cannot write {path.suffix} files here ({reason(error)}); "
        f"use .mkv, or take the encoder {DEFAULT_ENCODER}"
    )
