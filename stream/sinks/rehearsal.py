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
from stream.sinks.base import SinkOptions
from stream.sinks.encoders import Encoder
from stream.sinks.place import reason
from stream.sinks.video_file import VideoFile

_SIZE = (256, 256)

_log = logging.getLogger(__name__)


def rehearse(
    path: Path, container: str, coder: tuple[Encoder, dict[str, str]], options: SinkOptions
) -> SinkOptions:
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


def encode_black(container: str, coder: tuple[Encoder, dict[str, str]], options: SinkOptions) -> None:
    """Encode one black picture into memory; raises what PyAV raises."""
    file = VideoFile(io.BytesIO(), container, coder, options, _SIZE, Fraction(0))
    try:
        file.add(np.zeros((*_SIZE, 3), np.uint8), Fraction(0))
    except BaseException:
        with suppress(av.error.FFmpegError, ValueError):
            file.close()
        raise
    file.finish()


def _why_not(path: Path, encoder: Encoder, error: Exception) -> str:
    if encoder.name.endswith("_nvenc") and not isinstance(error, ValueError):
        return (
            f"the encoder {encoder.name} cannot be opened: this machine has no NVIDIA video encoder "
            "or no driver for it; leave the encoder out to use libx264"
        )
    return (
        f"{encoder.name} cannot write {path.suffix} files here ({reason(error)}); "
        "use .mkv, or leave the encoder out to use libx264"
    )
