"""One video file being written: container, encoder, times, colour and sound."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from av.video.frame import PictureType

from stream.frame import Pixels
from stream.picture import YuvPlanes
from stream.sinks.base import SinkOptions
from stream.sinks.video.conversion import PixelsToFrame, written_colour
from stream.sinks.video.encoders import Encoder
from stream.sinks.video.muxed import MuxedFile
from stream.sinks.video.timeline import Timeline, tick

ENCODER_THREADS = 2
DEFAULT_RATE = Fraction(25)
_HEVC_TAG_OF_PLAYERS = "hvc1"
# Seconds by the clock on the wall from one key picture to the next, beside sound.
_KEY_EVERY_S = 1.0


class VideoFile(MuxedFile):
    """Encodes pictures into a container; a new group of pictures about every second.

    After the process is killed, all but the last picture can be read, however slowly pictures come, and of an
    MP4 with sound all but the last second. Errors are those of PyAV. Used by one thread.
    """

    def __init__(
        self,
        target: str | io.BytesIO,
        container: str,
        coder: tuple[Encoder, dict[str, str]],
        options: SinkOptions,
        size: tuple[int, int],
        first_s: Fraction,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Lay out the file; nothing is written before the first picture.

        Args:
            target: path, or a buffer in memory.
            container: libav's name of it, a value of `CONTAINERS`.
            coder: what `choose_encoder` returned.
            options: of the sink.
            size: width and height of the pictures.
            first_s: time of the first one.
            now_s: the clock on the wall, in seconds.
        """
        encoder, encoder_options = coder
        rate = (options.rate or DEFAULT_RATE).limit_denominator(1001)
        self._timeline = Timeline(tick(options.time_base, encoder.finest), first_s)
        super().__init__(target, container, options, rate, self._timeline)
        self._end_s = first_s
        self._stream: Any = self.container.add_stream(
            encoder.name, rate=self._rate, options=encoder_options, time_base=self._timeline.time_base
        )
        colour = written_colour(options.colour, size[1], encoder.pixel_format)
        self._convert = PixelsToFrame(encoder.pixel_format, colour)
        self._set_up(encoder, size)
        self._tag(colour, options.pixel_aspect)
        self._now_s = now_s
        self._key_s = self._picture_s = now_s()
        self._add_audio()

    def add(self, kept: Pixels | YuvPlanes, time_s: Fraction) -> None:
        """Encode one picture.

        Args:
            kept: [H, W, 3] uint8 RGB, or planes.
            time_s: its time.
        """
        self._begin_audio(time_s)
        stamp = self._timeline.stamp(time_s)
        picture = self._convert(kept, stamp, self._timeline.time_base)
        if self._audio and self._is_key_due():
            picture.pict_type = PictureType.I
        picture.duration = max(1, round(1 / self._rate / self._timeline.time_base))
        self._end_s = time_s + 1 / self._rate
        self._mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Write what the encoder still holds, the rest of the sound, and the index."""
        try:
            self._mux(self._stream.encode(None))
            self._copy_audio(self._end_s)
        finally:
            self.close()

    def _is_key_due(self) -> bool:
        """True when the next picture would come too late to begin a fragment."""
        now_s, before_s = self._now_s(), self._picture_s
        self._picture_s = now_s
        if now_s - self._key_s + (now_s - before_s) < _KEY_EVERY_S:
            return False
        self._key_s = now_s
        return True

    def _set_up(self, encoder: Encoder, size: tuple[int, int]) -> None:
        width, height = size
        self._stream.width = width + width % 2 if encoder.subsampled else width
        self._stream.height = height + height % 2 if encoder.subsampled else height
        self._stream.pix_fmt = encoder.pixel_format
        context = self._stream.codec_context
        context.gop_size = max(1, round(self._rate))
        context.thread_count = ENCODER_THREADS
        if "265" in encoder.name or "hevc" in encoder.name:
            context.codec_tag = _HEVC_TAG_OF_PLAYERS

    def _tag(self, colour: Any, pixel_aspect: Fraction) -> None:
        context: Any = self._stream.codec_context
        if pixel_aspect != 1:
            context.sample_aspect_ratio = self._stream.sample_aspect_ratio = pixel_aspect
        context.colorspace = colour.matrix
        context.color_primaries = colour.primaries
        context.color_trc = colour.transfer
        context.color_range = 2 if colour.full_range else 1
