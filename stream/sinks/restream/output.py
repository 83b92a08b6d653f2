"""One connection to a server, or one stretch of a playlist: encoder, muxer and time stamps."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from stream.frame import Colour, Pixels
from stream.sinks.restream.hls import appending, open_file
from stream.sinks.restream.ipc import Job
from stream.sinks.video.conversion import PixelsToFrame
from stream.sinks.video.encoders import SUBSAMPLED
from stream.sinks.video.timeline import DATES_FROM_S, Timeline

# RTP and transport streams count in these ticks; FLV rounds to milliseconds.
TICK_S = Fraction(1, 90_000)
# Whoever joins waits for a key picture at most this long.
KEY_EVERY_S = Fraction(1)
# Steps of time that players follow; beyond them, as after a clock was set, a new stretch begins.
LONGEST_STEP_S, LONGEST_STEP_BACK_S = Fraction(10), Fraction(1)
ENCODER_THREADS = 2
# Key pictures are asked for by time; the encoder's own rule, which counts frames, must not come first.
NEVER_BY_COUNT = 100_000
# Errors that PyAV raises.
ERRORS = (av.error.FFmpegError, OSError, ValueError)


class Output:
    """Encodes and sends pictures of one size, the first as a key picture.

    Capture times are kept to a tick of 1/90000 s; the first of them, rounded down to a millisecond, is zero.
    Where times are dates, RTCP reports of RTSP tell receivers the capture time of every frame. Errors are
    those of PyAV.
    """

    def __init__(self, job: Job, size: tuple[int, int], colour: Colour, first_s: Fraction) -> None:
        """Nothing is connected before the first picture.

        Args:
            job: where to, and how.
            size: width and height of the pictures; what the encoder takes is even.
            colour: tags to write.
            first_s: time of the first picture.
        """
        self._size, self._last_s, self._key_s = size, first_s, first_s - KEY_EVERY_S
        self._timeline = Timeline(TICK_S, first_s)
        self._timeline.origin_s = Fraction(first_s * 1000 // 1, 1000)
        options = appending(job.options, job.playlist) | _clock(self._timeline.origin_s)
        self._container: Any = av.open(
            job.url,
            "w",
            format=job.format,
            container_options=options,
            io_open=open_file if job.playlist else None,
        )
        self._stream: Any = self._container.add_stream(
            job.encoder, rate=job.rate, options=job.encoder_options, time_base=TICK_S
        )
        self._convert = PixelsToFrame(job.pixel_format, colour)
        self._set_up(job, colour)

    def fits(self, size: tuple[int, int], time_s: Fraction) -> bool:
        """True when a picture can follow the last one here."""
        return size == self._size and -LONGEST_STEP_BACK_S <= time_s - self._last_s <= LONGEST_STEP_S

    def add(self, pixels: Pixels, time_s: Fraction) -> None:
        """Encode and send one picture; the first call connects.

        Args:
            pixels: [H, W, 3] uint8 RGB.
            time_s: its capture time.
        """
        picture = self._convert(pixels, self._timeline.stamp(time_s), TICK_S)
        if not 0 <= time_s - self._key_s < KEY_EVERY_S:
            picture.pict_type, self._key_s = PictureType.I, time_s
        self._last_s = time_s
        self._container.mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Send what the encoder still holds, and close the connection."""
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def drop(self) -> None:
        """Close it as it is."""
        with suppress(*ERRORS):
            self._container.close()

    def _set_up(self, job: Job, colour: Colour) -> None:
        width, height = self._size
        subsampled = job.pixel_format in SUBSAMPLED
        self._stream.width = width + width % 2 if subsampled else width
        self._stream.height = height + height % 2 if subsampled else height
        self._stream.pix_fmt = job.pixel_format
        context = self._stream.codec_context
        context.gop_size, context.max_b_frames, context.thread_count = NEVER_BY_COUNT, 0, ENCODER_THREADS
        context.colorspace, context.color_range = colour.matrix, 2 if colour.full_range else 1
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer


def _clock(origin_s: Fraction) -> dict[str, str]:
    """The date of time stamp zero, where times are dates."""
    return {"start_time_realtime": str(int(origin_s * 1_000_000))} if origin_s >= DATES_FROM_S else {}
