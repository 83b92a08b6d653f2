"""Carries the sound of a file over to another one, packet by packet, without encoding it again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av

from stream.picture_size import LIBAV_BOUNDS
from stream.sinks.video.aac_headers import without_headers
from stream.sources.video.containers import WRAP_TICKS

_log = logging.getLogger(__name__)


class AudioCopy:
    """The first audio track of a file on its way into an output container."""

    def __init__(self, path: str, output: Any) -> None:
        """Add the track to a container whose header is not written yet.

        Args:
            path: of the file with the sound.
            output: a PyAV output container; it stays the caller's.

        Raises:
            av.error.FFmpegError: when the file cannot be opened.
            ValueError: when it has no audio, or the container cannot hold its codec.
        """
        self._path = path
        self._output = output
        self._input: Any = av.open(path, options=LIBAV_BOUNDS, metadata_errors="replace")
        try:
            if not self._input.streams.audio:
                raise ValueError("there is no audio track")
            source = self._input.streams.audio[0]
            self._stream = output.add_stream_from_template(source)
            packets, codec_data = without_headers(self._input.demux(source), source)
        except BaseException:
            self._input.close()
            raise
        if codec_data is not None:
            self._stream.codec_context.extradata = codec_data
        self._packets: Iterator[Any] = _on_one_clock(packets)
        self._next: Any = None

    def skip_before(self, time_s: Fraction, keep_warm_up: bool) -> None:
        """Leave out what comes before a time.

        Args:
            time_s: on the clock of the file.
            keep_warm_up: keep the packet that ends there, which many decoders need to start cleanly.
        """
        packet = self._peek()
        while (
            packet is not None
            and _begin_s(packet) < time_s
            and not (keep_warm_up and _end_s(packet) >= time_s)
        ):
            self._next = None
            packet = self._peek()

    def copy_until(self, time_s: Fraction, origin_s: Fraction) -> None:
        """Write what begins before a time.

        Args:
            time_s: on the clock of the file.
            origin_s: the time that is zero in the output.
        """
        while self.copy_one(time_s, origin_s):
            pass

    def copy_one(self, time_s: Fraction, origin_s: Fraction) -> bool:
        """Write the next packet if it begins before a time; False when there was none. As `copy_until`."""
        packet = self._peek()
        if packet is None or _begin_s(packet) >= time_s:
            return False
        self._next = None
        self._write(packet, origin_s)
        return True

    def close(self) -> None:
        """Close the input; may be called twice."""
        self._packets = iter(())
        self._next = None
        self._input.close()

    def _peek(self) -> Any:
        """The packet that comes next, None after the last or where the file is damaged."""
        try:
            while self._next is None:
                packet = next(self._packets, None)
                if packet is None:
                    return None
                self._next = packet
        except av.error.FFmpegError as error:
            _log.warning("the audio of %s ends early: %s", self._path, error.strerror)
            self._packets = iter(())
        return self._next

    def _write(self, packet: Any, origin_s: Fraction) -> None:
        shift = round(origin_s / packet.time_base)
        packet.dts -= shift
        if packet.pts is not None:
            packet.pts -= shift
        packet.stream = self._stream
        self._output.mux(packet)


def close_quietly(audio: AudioCopy | None) -> None:
    """Close a copy of sound that may not exist."""
    if audio is not None:
        with suppress(av.error.FFmpegError):
            audio.close()


def _on_one_clock(packets: Iterator[Any]) -> Iterator[Any]:
    """Packets whose times rise; where they begin again, as in joined recordings, they go on behind."""
    offset, end, last = 0, 0, None
    for packet in packets:
        if packet.dts is None:
            continue
        stamp = packet.dts + offset
        if last is not None and (stamp < last or stamp - last > WRAP_TICKS // 2):
            offset += end - stamp
        packet.dts += offset
        packet.pts = packet.dts if packet.pts is None else packet.pts + offset
        last, end = packet.dts, packet.dts + max(1, packet.duration or 0)
        yield packet


def _begin_s(packet: Any) -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return Fraction(stamp * packet.time_base)


def _end_s(packet: Any) -> Fraction:
    return _begin_s(packet) + Fraction((packet.duration or 0) * packet.time_base)
