"""Carries the sound of a file over to another one, packet by packet, without encoding it again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av

from stream.picture_size import LIBAV_BOUNDS

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
        except BaseException:
            self._input.close()
            raise
        self._packets: Iterator[Any] = self._input.demux(source)
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
        packet = self._peek()
        while packet is not None and _begin_s(packet) < time_s:
            self._next = None
            self._write(packet, origin_s)
            packet = self._peek()

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
                self._next = packet if packet.dts is not None else None
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


def _begin_s(packet: Any) -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return Fraction(stamp * packet.time_base)


def _end_s(packet: Any) -> Fraction:
    return _begin_s(packet) + Fraction((packet.duration or 0) * packet.time_base)
