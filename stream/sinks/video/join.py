"""Video files of one recording, written part by part, joined to one without encoding again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from stream.errors import SinkError
from stream.files.output_path import reason
from stream.sinks.base import SinkOptions
from stream.sinks.video.encoders import ENCODERS
from stream.sinks.video.file import DEFAULT_RATE
from stream.sinks.video.muxed import MuxedFile
from stream.sinks.video.settings import CONTAINERS
from stream.sinks.video.timeline import Timeline, origin_of, tick
from stream.sinks.video.trial_encode import choose_coder, rehearse


class UnlikePartsError(Exception):
    """Parts that do not make one file; its text is a phrase on why."""


@dataclass(frozen=True, slots=True)
class PartFile:
    """A video file of one part of a recording.

    Attributes:
        path: of the file, as a sink of the joined file's options wrote it.
        frames: pictures in it.
        first_s: exact time of the first one, on the clock of the recording.
    """

    path: Path
    frames: int
    first_s: Fraction


def join_videos(parts: Sequence[PartFile], target: Path, options: SinkOptions) -> None:
    """Write the packets of all parts into one file, at the times that a single run gives them.

    Args:
        parts: in the order of time, none without a picture.
        target: of the joined file; its suffix chooses the container, that of the parts.
        options: of the sink that wrote the parts, with the sound that the joined file gets.

    Raises:
        UnlikePartsError: codecs or sizes differ, a part has another number of pictures than stated, or times
            do not rise.
        SinkError: the file cannot be written.
    """
    container = CONTAINERS[target.suffix.lower()]
    coder = choose_coder(container, options)
    options = rehearse(target, container, coder, options)
    ticks = tick(options.time_base, ENCODERS[coder[0].name].finest)
    timeline = Timeline(ticks, parts[0].first_s)
    try:
        with closing(_JoinedFile(target, container, options, timeline, parts[0])) as file:
            for part in parts:
                file.add(part)
            file.finish()
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise SinkError(f"{target} cannot be written: {reason(error)}") from error


class _JoinedFile(MuxedFile):
    """The file that packets of parts go into."""

    def __init__(
        self, target: Path, container: str, options: SinkOptions, timeline: Timeline, first: PartFile
    ) -> None:
        rate = (options.rate or DEFAULT_RATE).limit_denominator(1001)
        super().__init__(str(target), container, options, rate, timeline)
        self._ticks, self._last, self._end_s = timeline.time_base, -1, first.first_s
        with av.open(str(first.path)) as like:
            self._stream: Any = self.container.add_stream_from_template(like.streams.video[0])
            self._like = _properties(like.streams.video[0])
        self._stream.time_base = self._ticks
        self._add_audio()
        self._begin_audio(first.first_s)

    def add(self, part: PartFile) -> None:
        """Write all packets of a part."""
        with av.open(str(part.path)) as source:
            stream = source.streams.video[0]
            if _properties(stream) != self._like:
                raise UnlikePartsError(
                    f"the encoder wrote {part.path.name} in another form than the first part"
                )
            count = 0
            for packet in self._placed(source.demux(stream), origin_of(part.first_s)):
                self._mux((packet,))
                count += 1
        if count != part.frames:
            raise UnlikePartsError(f"{part.path.name} has {count} pictures in place of {part.frames}")

    def _placed(self, packets: Iterator[Any], origin_s: Fraction) -> Iterator[Any]:
        """Packets at their times in the joined file."""
        for packet in packets:
            if packet.pts is None:  # the empty one at the end
                continue
            if packet.dts != packet.pts:
                raise UnlikePartsError("pictures are stored in another order than they are shown")
            time_s = packet.pts * packet.time_base + origin_s
            stamp = round((time_s - self._origin_s) / self._ticks)
            if stamp <= self._last:
                raise UnlikePartsError(f"times do not rise at {float(time_s):.3f} s")
            packet.pts = packet.dts = self._last = stamp
            packet.duration = round(packet.duration * packet.time_base / self._ticks)
            packet.time_base, packet.stream = self._ticks, self._stream
            self._end_s = time_s + 1 / self._rate
            yield packet

    def finish(self) -> None:
        """Write the rest of the sound, and the index."""
        self._copy_audio(self._end_s)
        self.close()


def _properties(stream: Any) -> tuple[object, ...]:
    """Everything of a stream that decoders learn once for a whole file."""
    context = stream.codec_context
    extradata = None
    with suppress(AttributeError):
        extradata = bytes(context.extradata or b"")
    return context.name, context.width, context.height, context.pix_fmt, extradata
