"""A video file being written, packet by packet: container, and sound beside the pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av

from stream.sinks.base import SinkOptions
from stream.sinks.video.audio import AudioCopy, close_quietly
from stream.sinks.video.timeline import Timeline

_MOVIE_TICKS_PER_S = 1_000_000

# Written in fragments that are readable at once, and turned into an ordinary file at the end. `delay_moov`
# lets the header know the first time stamp, which it needs to keep a start that is not zero. Each picture is
# a fragment. With sound, whose times libav gets wrong by that, fragments begin with key pictures, one or more
# a second by the clock on the wall.
_FRAGMENTED = "hybrid_fragmented+delay_moov+write_colr"
_SILENT, _WITH_SOUND = "frag_every_frame", "frag_keyframe"


class MuxedFile:
    """A container with one video stream, and the sound of a file copied beside it in the order of times.

    Errors are those of PyAV. Used by one thread.

    Attributes:
        container: of PyAV, open for writing; the video stream is added by who makes this, before the sound.
    """

    def __init__(
        self,
        target: str | io.BytesIO,
        container: str,
        options: SinkOptions,
        rate: Fraction,
        timeline: Timeline,
    ) -> None:
        """Lay out the file; nothing is written before the first packet.

        Args:
            target: path, or a buffer in memory.
            container: libav's name of it, a value of `CONTAINERS`.
            options: of the sink; `audio_from` is used here.
            rate: frames a second.
            timeline: of the file.
        """
        has_sound = bool(options.audio_from)
        settings = _container_options(container, timeline.time_base, has_sound)
        self.container: Any = av.open(target, "w", format=container, options=settings)
        self._audio_from = options.audio_from
        self._audio: AudioCopy | None = None
        self._origin_s, self._rate = timeline.origin_s, rate
        # Matroska would move everything to make room for sound that begins before zero.
        self._before_zero = container != "matroska"
        self._has_begun = False

    def _add_audio(self) -> None:
        if self._audio_from:
            self._audio = AudioCopy(self._audio_from, self.container)

    def _begin_audio(self, first_s: Fraction) -> None:
        """Leave out the sound before the first picture; called with every picture or once."""
        if self._audio and not self._has_begun:
            self._audio.skip_before(first_s, keep_warm_up=self._before_zero)
        self._has_begun = True

    def _mux(self, packets: Iterable[Any]) -> None:
        """Write packets of pictures, and the sound up to them."""
        for packet in packets:
            time_s = packet.dts * packet.time_base + self._origin_s
            self._copy_audio(time_s)
            self.container.mux(packet)
            # libav holds a picture back until it knows the sound that follows.
            if self._audio:
                self._audio.copy_one(time_s + 1 / self._rate, self._origin_s)

    def _copy_audio(self, until_s: Fraction) -> None:
        if self._audio:
            self._audio.copy_until(until_s, self._origin_s)

    def close(self) -> None:
        """Close everything as it is; may be called twice."""
        close_quietly(self._audio)
        self.container.close()


def _container_options(container: str, time_base: Fraction, has_sound: bool) -> dict[str, str]:
    """Options that keep times exact and limit the loss when the process is killed.

    The file's own clock is a multiple of the ticks, so that a start that is not zero is exact too. Sound that
    ends before the pictures holds back no more than one of these.
    """
    common = {"flush_packets": "1", "max_interleave_delta": "1"}
    if container == "matroska":
        return {**common, "cluster_time_limit": "0"}
    ticks = time_base.denominator
    return {
        **common,
        "movflags": f"{_FRAGMENTED}+{_WITH_SOUND if has_sound else _SILENT}",
        "video_track_timescale": str(ticks),
        "movie_timescale": str(ticks * -(-_MOVIE_TICKS_PER_S // ticks)),
    }
