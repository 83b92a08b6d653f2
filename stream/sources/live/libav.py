"""Live streams that libav reads: RTSP, RTMP, HLS, transport streams, motion JPEG, V4L2, the screen."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
from av import VideoFrame

from stream.config import InputSettings, LiveSettings
from stream.errors import RefusedError, SourceError
from stream.frame import ClockSource, Frame, Side
from stream.picture_size import LIBAV_BOUNDS
from stream.runtime.clock import Clock
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.live.address import Address, address_of, is_rtsp_by_tcp
from stream.sources.live.capture_times import CaptureTimes
from stream.sources.live.hardware import LiveHardware
from stream.sources.live.open_errors import explain_open
from stream.sources.live.playout import Playout
from stream.sources.live.rtsp.container import open_rtsp
from stream.sources.live.whole_pictures import WholePictures, set_for_live
from stream.sources.video.pixels import colour_of
from stream.sources.video.thermal import choose_conversion, needs_colours
from stream.uri import Uri

# Opening takes longer than a picture does.
OPEN_TIMES = 2.0
# Seconds to wait, when nothing useful came, for the sign that the source is to end.
LOOK_S = 0.001
# Seconds without a whole picture after which a stream is given up; long groups of pictures last ten seconds.
NO_PICTURE_S = 30.0
_HLS_WARNING = (
    "which shows what its server finished some seconds ago, and does not say when: frames are paired by when "
    "they are due; find the offset by gifnet sync-check"
)
# Formats of pictures one after the other, whose stamps libav makes up.
UNTIMED_FORMATS = ("mpjpeg", "mjpeg")

_log = logging.getLogger(__name__)


class LibavSource(SourceBase):
    """One connection to a live stream; ends when the stream does.

    The time of a frame is the best that there is: the sender's clock from RTCP reports (`rtcp`), the time of
    capture that the kernel stamps (`v4l2`), the stream's own stamps brought to the time of day by their
    arrival (`pts`), or arrival itself. All are seconds since 1970. Frames before the first whole picture,
    those that are damaged, and those that are built on them are left out and counted in `lost`.
    """

    def __init__(
        self,
        settings: InputSettings,
        uri: Uri,
        role: Side,
        clock: Clock,
        wait: Callable[[float], bool],
        live: LiveSettings,
        form: str | None = None,
        hardware: LiveHardware | None = None,
    ) -> None:
        """Connect, and wait for the first picture.

        Args:
            settings: of the input.
            uri: where the stream is.
            role: decides the pixel format of the frames.
            clock: for arrival.
            wait: asked with 0, for every packet with pictures, whether the source is to end.
            live: what becomes of damaged pictures.
            form: libav's name of the format, where it is not to be found out.
            hardware: decodes in place of the CPU where it can; by default it cannot.

        Raises:
            RefusedError: there is something, but it will never be a stream of pictures.
            SourceError: there is nothing now.
        """
        super().__init__()
        self._name, self._role, self._settings, self._clock = str(uri), role, settings, clock
        self._wait = wait
        address = address_of(uri, settings)
        self._address = replace(address, format=form) if form else address
        self._container = self._connect(self._address)
        form = self._container.format.name
        untimed = form in UNTIMED_FORMATS or form.endswith("_pipe")
        self._times = CaptureTimes(self._address.stamps, untimed)
        self._playout = Playout() if "hls" in form.split(",") else None
        if self._playout:
            _log.warning("%s is HLS, %s", self._name, _HLS_WARNING)
        self._format, self._index = "", 0
        self._convert: Callable[[VideoFrame], Any]
        self._hardware = hardware or LiveHardware(None)
        self._picture_s = clock.monotonic_s()
        self._pictures: Iterator[VideoFrame] = iter(())
        self._first: VideoFrame | None = None
        try:
            self._stream = self._video()
            keeps = live.damaged == "keep"
            whole = WholePictures(self._name, self._stream, self.lost, keeps, not untimed)
            packets = self._packets()
            self._pictures = whole.decode(packets)
            first = next(self._pictures, None)
            if first is None:
                raise SourceError(f"{self._name} ended before its first picture")
            self.info = self._describe(first)
            self._first = self._choose_decoder(whole, first, packets)
        except BaseException:
            self.close()
            raise

    def _connect(self, address: Address) -> Any:
        timeout_s, began_s = self._settings.timeout_s, self._clock.monotonic_s()
        try:
            if is_rtsp_by_tcp(address):
                opened = open_rtsp(address.url, OPEN_TIMES * timeout_s, timeout_s)
                if opened is not None:
                    return opened
            return av.open(
                address.url,
                "r",
                format=address.format,
                options=address.options | LIBAV_BOUNDS,
                metadata_errors="replace",
                timeout=(OPEN_TIMES * timeout_s, timeout_s),
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            at_once = self._clock.monotonic_s() - began_s < timeout_s / 2
            raise explain_open(self._name, address.url, error, at_once) from None

    def _video(self) -> Any:
        if not self._container.streams.video:
            raise RefusedError(f"{self._name} sends no video; check the path of the stream")
        stream = self._container.streams.video[0]
        if stream.codec_context is None:
            raise RefusedError(f"{self._name} sends video of a codec that cannot be decoded here")
        stream.codec_context.options = dict(LIBAV_BOUNDS)
        set_for_live(stream.codec_context)
        return stream

    def _describe(self, first: VideoFrame) -> SourceInfo:
        self._convert_to(first)
        context = self._stream.codec_context
        return SourceInfo(
            uri=self._name,
            width=first.width,
            height=first.height,
            pixel_format=self._target.pixel_format,
            bits=self._target.bits,
            rate=self._stream.average_rate or None,
            colour=colour_of(context),
            codec=context.name,
            live=True,
            # Steps of a palette are not counts.
            radiometry=None if needs_colours(self._convert, first) else self._settings.radiometry,
        )

    def _choose_decoder(
        self, whole: WholePictures, first: VideoFrame, packets: Iterator[Any]
    ) -> VideoFrame | None:
        """Let NVDEC take over where it is wanted and can.

        Returns:
            The first picture; None where NVDEC gives it again.

        Raises:
            RefusedError: NVDEC was asked for and cannot be had.
        """
        codec, hardware = self._stream.codec_context, self._hardware
        has_palette = needs_colours(self._convert, first)
        given = whole, codec, first, self._settings, self._role, self._target, has_palette
        if hardware.take_over(*given):
            old, self._pictures = self._pictures, whole.decode(packets)
            if isinstance(old, Generator):
                old.close()
            self._say_decoder()
            return None
        if self._settings.decoder == "cuda":
            raise RefusedError(
                f"{self._name} cannot be decoded by NVDEC: {hardware.why_not}; "
                f"take --{self._role}-decoder auto or cpu"
            )
        self._say_decoder()
        return first

    def _say_decoder(self) -> None:
        """Note what decodes, and why."""
        name, why_not = self._stream.codec_context.name, self._hardware.why_not
        decoder = f"cuda (NVDEC {name})" if why_not is None else f"cpu (libav {name})"
        why = "the network runs on this GPU" if why_not is None else why_not
        self.info = replace(self.info, decoder=decoder, decoder_why=why)
        _log.info("%s: decoder %s: %s", self._name, decoder, why)

    def _convert_to(self, picture: VideoFrame) -> None:
        """Follow the decoder, and the pixel format, which may change when a camera is reconfigured."""
        converter = self._hardware.converter(picture)
        if converter is not None:
            self._convert = converter
            return
        if self._hardware.why_not is None:
            self._hardware.give_up()
            self._format = ""
            self._say_decoder()
        if picture.format.name != self._format:
            self._format = self.stored_format = picture.format.name
            self.stored_bits = picture.format.components[0].bits
            codec = self._stream.codec_context.name
            self._target, self._convert = choose_conversion(
                picture, self._role, self._settings, codec, self._name
            )

    def _read(self) -> Iterator[Frame]:
        first, self._first = self._first, None
        for picture in itertools.chain([first] if first is not None else [], self._pictures):
            yield self._frame(picture, self._hold(picture))

    def _hold(self, picture: VideoFrame) -> float:
        """Wait until a picture that came in a burst is due; returns by how much that took too long."""
        stamp_s = self._times.stamp_s(picture) if self._playout else None
        if self._playout is None or stamp_s is None:
            return 0.0
        now_s = self._clock.monotonic_s()
        due_s = self._playout.due_s(stamp_s, now_s)
        self._wait(max(0.0, due_s - now_s))
        return self._clock.monotonic_s() - due_s

    def _frame(self, picture: VideoFrame, overdue_s: float) -> Frame:
        arrived_s, utc_s = self._clock.monotonic_s(), Fraction(self._clock.utc_ns(), 1_000_000_000)
        self._picture_s = arrived_s
        self._convert_to(picture)
        if (picture.width, picture.height) != (self.info.width, self.info.height):
            self.info = replace(self.info, width=picture.width, height=picture.height)
        clock: ClockSource = "pts"
        time_s = utc_s - Fraction(overdue_s)
        if self._playout is None:
            time_s, clock = self._times.of(picture, utc_s)
        kept = self._convert(picture)
        index, self._index = self._index, self._index + 1
        target = self._target
        return Frame(
            kept,
            target.pixel_format,
            time_s,
            clock,
            index,
            target.bits,
            arrived_s,
            radiometry=self.info.radiometry,
        )

    def _packets(self) -> Iterator[Any]:
        """Packets with pictures; of those with sound only that they do not keep a stalled session alive."""
        packets, packet_s = self._container.demux(), self._clock.monotonic_s()
        while (packet := self._next(packets)) is not None:
            now_s = self._clock.monotonic_s()
            if packet.stream_index != self._stream.index:
                if now_s - packet_s > self._silence_s() or self._wait(LOOK_S):
                    raise SourceError(f"sound goes on, but no picture came for {self._silence_s():g} s")
                continue
            packet_s = now_s
            if packet.size == 0 or self._wait(0):
                return
            if now_s - self._picture_s > NO_PICTURE_S:
                raise SourceError(f"no whole picture came for {NO_PICTURE_S:g} s")
            self._times.note(packet)
            yield packet

    def _next(self, packets: Iterator[Any]) -> Any:
        try:
            return next(packets, None)
        except (av.error.FFmpegError, OSError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"the connection broke ({why})") from None

    def _silence_s(self) -> float:
        """Seconds without a packet after which a connection is given up; the first one takes longer."""
        return self._settings.timeout_s * (1 if self._index else OPEN_TIMES)

    def close(self) -> None:
        """Disconnect; may be called twice."""
        # Generators that were left half way hold pictures and this source in a circle, which a process that
        # runs for weeks would clear up far too seldom.
        self._end_reading()
        if isinstance(self._pictures, Generator):
            self._pictures.close()
        self._pictures, self._first = iter(()), None
        self._container.close()
