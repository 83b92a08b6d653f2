"""The pictures of a video file as libav decodes them, in order, and how far the file has been read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import av
from av import VideoFrame
from av.codec.hwaccel import HWAccel

from stream.errors import SourceError
from stream.sources.base import ends_before
from stream.sources.video.containers import (
    PROGRAM_STREAMS,
    declared_end_s,
    declared_frames,
    frame_rate,
    open_container,
    video_stream,
)
from stream.sources.video.decoding_order import keeps_decoding_times
from stream.sources.video.hardware_watch import HardwareWatch
from stream.sources.video.timeline import REORDERED_FRAMES, Timeline

DEFAULT_RATE = Fraction(25)
# A file ends early when it misses more than this share of its stated length, and more than these frames.
MISSING_SHARE = Fraction(1, 50)
MISSING_FRAMES = 2
# Containers with an index of their key pictures, and stamps that are those of display.
SEEKABLE = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
# Pictures that a decoder may hold back: 16 in H.264 and HEVC, and some for what hardware does at once.
MOST_HELD = 64


# A picture and its time in seconds.
Timed = tuple[VideoFrame, Fraction]


class PictureReader:
    """Decodes the main video stream of a file; opened, iterated and closed by one thread.

    A picture that does not decode, or that the decoder marks as damaged, is left out and counted in
    `lost["corrupt"]`; one that has no place on the timeline behind those before, in `lost["out_of_order"]`.

    Attributes:
        container: PyAV's container.
        stream: PyAV's stream.
        rate: frames a second, None when unknown.
        frames: how many there will be, None when unknown.
        lost: pictures that could not be delivered, by reason.
        read_until_s: end of what has been read, on the clock of the file.
    """

    def __init__(self, path: Path, hardware: HWAccel | None = None, track: str | None = None) -> None:
        """Open a file and decode its first picture.

        Args:
            path: the file.
            hardware: decodes in place of the CPU, where it can; it falls back to the CPU by itself.
            track: as `containers.video_stream` takes it.

        Raises:
            SourceError: when the file holds no video that can be decoded.
            av.error.FFmpegError: when the hardware cannot be opened.
        """
        self.lost: Counter[str] = Counter()
        self._name = str(path)
        self._in_hardware = hardware is not None
        self._watch = HardwareWatch()
        self.container = open_container(path, hardware)
        try:
            self._prepare(track)
        except BaseException:
            self.close()
            raise

    def _prepare(self, track: str | None) -> None:
        self.stream: Any = video_stream(self.container, self._name, track)
        # With threads, libav's H.264 decoder marks a damaged picture now and then only, or never. Hardware
        # works on several pictures by itself, and threads would hold more of its memory.
        self.stream.thread_type = "NONE"
        self.rate = frame_rate(self.container, self.stream)
        # Read before decoding: libav revises what a file says while it reads.
        self._end_s = declared_end_s(self.container, self.stream, self.rate)
        self.frames = declared_frames(self.container, self.stream, self.rate)
        self.read_until_s = Fraction(0)
        self._timeline = self._open_timeline()
        self._pictures = self._decode()
        first = next(self._pictures, None)
        if first is None:
            raise SourceError(f"{self._name} holds no frame that can be decoded: it is damaged or cut off")
        self._pending: Timed | None = first

    def _open_timeline(self) -> Timeline:
        def look() -> tuple[Any, Any]:
            container = open_container(Path(self._name))
            return container, container.streams[self.stream.index]

        stream = self.stream
        return Timeline(
            self._name,
            self.rate or DEFAULT_RATE,
            stream.time_base,
            (stream.start_time or 0) * stream.time_base,
            decoding_times=keeps_decoding_times(
                self.container, stream, look if Path(self._name).is_file() else None
            ),
            wraps=self.container.format.name in PROGRAM_STREAMS,
        )

    @property
    def first(self) -> VideoFrame:
        """The first picture; there before the iteration begins."""
        assert self._pending is not None
        return self._pending[0]

    def __iter__(self) -> Iterator[Timed]:
        """All pictures, each with its time in seconds; a second call goes on where the first one stopped.

        Raises:
            SourceError: when the file cannot be read on, or hardware gives up.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            yield pending
        yield from self._pictures

    @property
    def first_s(self) -> Fraction:
        """Time of the first picture; there before the iteration begins."""
        assert self._pending is not None
        return self._pending[1]

    def skip_before(self, time_s: Fraction) -> int:
        """Begin with the first picture at a time or later; to be called before the iteration.

        The container's index is used where its stamps alone tell times; other files are decoded up to there.

        Returns:
            How many pictures were left out, by the frame rate.

        Raises:
            SourceError: all pictures are before that time.
        """
        began_s = last_s = self.first_s
        timed: Timed | None = self._pending
        if time_s > began_s and self._timeline.can_jump and self.container.format.name in SEEKABLE:
            timed = self._jump(time_s, began_s)
        while timed is not None and timed[1] < time_s:
            last_s, timed = timed[1], next(self._pictures, None)
        if timed is None:
            raise ends_before(self._name, last_s, time_s)
        self._pending = timed
        self.lost.clear()  # of what is left out
        return round((timed[1] - began_s) * (self.rate or 0))

    def _jump(self, time_s: Fraction, began_s: Fraction) -> Timed:
        """The first picture that comes after a jump in front of a time: its key picture, or one before."""
        # Indices may hold decoding times, which lie before those of display.
        early_s = time_s - REORDERED_FRAMES / (self.rate or DEFAULT_RATE)
        for target_s in (early_s, began_s):
            self.container.seek(floor(target_s / self.stream.time_base), stream=self.stream)
            self._timeline.jump(target_s)
            self._pictures = self._decode()
            timed: Timed | None = next(self._pictures, None)
            if timed is not None and timed[1] <= time_s:
                return timed
        raise SourceError(f"{self._name} cannot be read from {_clock(time_s)} on: its index is damaged")

    def check_end(self) -> None:
        """Called after the last picture.

        Raises:
            SourceError: when the file ends before the time that it states.
        """
        if self._end_s is None:
            return
        missing_s = self._end_s - self.read_until_s
        frame_s = 1 / (self.rate or DEFAULT_RATE)
        if missing_s > max(MISSING_FRAMES * frame_s, MISSING_SHARE * self._end_s):
            raise SourceError(
                f"{self._name} ends early: it was read up to {_clock(self.read_until_s)} of "
                f"{_clock(self._end_s)}, the rest is missing"
            )

    def close(self) -> None:
        """Close the file, and release hardware resources; may be called twice."""
        self._pictures = iter(())
        self._pending = None
        if self._in_hardware:
            # The decoder is freed here and not by whoever forgets the source last, perhaps on another thread.
            self.stream = None
        self.container.close()

    def _decode(self) -> Iterator[Timed]:
        for packet in self._packets():
            for picture in self._decode_packet(packet):
                self._watch.saw_picture()
                time_s = self._timeline.time_s(picture)
                if picture.is_corrupt:
                    self.lost["corrupt"] += 1
                elif time_s is None:
                    self.lost["out_of_order"] += 1
                else:
                    yield picture, time_s

    def _packets(self) -> Iterator[Any]:
        """Packets to the end of the file; the last one is empty and draws out what the decoder holds."""
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                raise SourceError(
                    f"{self._name} cannot be read on after {_clock(self.read_until_s)}: {error.strerror}"
                ) from None
            if packet is None:
                return
            self._timeline.mend(packet)
            if packet.pts is not None:
                until_s = (packet.pts + (packet.duration or 0)) * packet.time_base
                self.read_until_s = max(self.read_until_s, until_s)
            yield packet

    def _decode_packet(self, packet: Any) -> Iterator[VideoFrame]:
        failures = 0
        while failures < MOST_HELD:
            try:
                yield from packet.decode()
                break
            except av.error.EOFError:
                break
            except av.error.FFmpegError as error:
                failures += 1
                if self._in_hardware and self._watch.gives_up(error):
                    raise SourceError(self._hardware_failed(error)) from None
                # The empty packet at the end may still draw out frames behind the damaged one.
                if packet.size:
                    break
        else:
            failures = 1  # it fails again and again, whatever is held
        if failures:
            self.lost["corrupt"] += failures
            self._timeline.failed(packet, failures)

    def _hardware_failed(self, error: av.error.FFmpegError) -> str:
        return (
            f"{self._name} cannot be decoded on after {_clock(self.read_until_s)}: the GPU's video decoder "
            f"fails ({error.strerror}); take the decoder cpu"
        )


def _clock(time_s: Fraction) -> str:
    minutes, seconds = divmod(float(time_s), 60)
    return f"{int(minutes)}:{seconds:06.3f}"
