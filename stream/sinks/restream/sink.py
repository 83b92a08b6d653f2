"""A sink that sends fused frames onward, to an RTSP or RTMP server or into an HLS playlist.

    write ─► free slot in shared memory ─► process of its own: encode, mux, reconnect ─► server or folder

libav holds Python up while it connects, and a slow server holds libav up; both stay in that process.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from stream.errors import SinkError
from stream.files.output_path import reason
from stream.frame import FusedFrame
from stream.render.views import render
from stream.runtime.clock import Clock, SystemClock
from stream.sinks.base import SinkBase, SinkOptions
from stream.sinks.restream.address import ENCODERS, Address, address_of
from stream.sinks.restream.hls import end_playlist, sweep
from stream.sinks.restream.ipc import Job
from stream.sinks.restream.process import ForwardingProcess
from stream.sinks.video.conversion import written_colour
from stream.sinks.video.encoders import DEFAULT_ENCODER, GPU_ENCODER, Encoder, choose_encoder
from stream.sinks.video.file import DEFAULT_RATE
from stream.sinks.video.trial_encode import gpu_coder, opens
from stream.uri import Uri

DEFAULT_QUALITY = 23
# Seconds that the process may take to finish: a server may be stuck, a disk is only slow.
SERVER_PATIENCE_S, DISK_PATIENCE_S = 2.0, 15.0
# Between two looks at a process that a recording waits for.
LOOK_S = 0.1

_X264 = {"preset": "veryfast", "tune": "zerolatency", "forced-idr": "1"}
_X265 = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "forced-idr": "1",
    "x265-params": "log-level=none:pools=2",
}
_NVENC = {"preset": "p3", "tune": "ull", "zerolatency": "1", "delay": "0", "forced-idr": "1", "rc": "vbr"}
# No encoder holds a frame back.
LOW_LATENCY = {
    "libx264": _X264 | {"crf": "{quality}"},
    "libx265": _X265 | {"crf": "{quality}"},
    "h264_nvenc": _NVENC | {"cq": "{quality}"},
    "hevc_nvenc": _NVENC | {"cq": "{quality}"},
}

_log = logging.getLogger(__name__)


class OnwardSink(SinkBase):
    """Hands frames to a forwarding process and never waits for it, except for HLS of a recording.

    Frames for which there is no room, since the server is slow or away, are counted in `skipped`; the
    freshest go out when it is back. `written` are those that went out, or are about to.
    """

    def __init__(self, uri: Uri, options: SinkOptions, clock: Clock | None = None) -> None:
        """Check what can be checked, and start the process; it connects with the first frame.

        Args:
            uri: `rtsp://`, `rtsps://`, `rtmp://`, `rtmps://`, `hls://` or a path that ends in `.m3u8`.
            options: how to write; `segment_s` is the length of an HLS segment.
            clock: for waiting times.

        Raises:
            SinkError: the address, the encoder or its quality is wrong, or the folder cannot be written to.
        """
        self.written = self.skipped = 0
        self._uri, self._options = uri, options
        self._address = address_of(uri, options.live, options.segment_s)
        encoder, encoder_options = choose_coder(self._address, options)
        self.encoder = encoder.name
        self._pixel_format = encoder.pixel_format
        # Every frame of a recording counts, and a disk takes them all.
        self._patient = self._address.playlist is not None and not options.live
        job = Job(
            url=self._address.url,
            format=self._address.format,
            options=self._address.options,
            encoder=encoder.name,
            encoder_options=encoder_options,
            pixel_format=encoder.pixel_format,
            rate=(options.rate or DEFAULT_RATE).limit_denominator(1001),
            playlist=self._address.playlist,
            patient=self._patient,
        )
        self._offered = 0
        self._process: ForwardingProcess | None = ForwardingProcess(job, str(uri), clock or SystemClock())

    @property
    def pid(self) -> int | None:
        """Of the forwarding process; None while there is none."""
        return self._process.pid if self._process else None

    def write(self, frame: FusedFrame) -> None:
        """Hand one frame over, or skip it.

        Raises:
            SinkError: the playlist cannot be written, for recordings only; live, it is retried without end.
        """
        if self._process is None:
            raise SinkError(f"{self._uri} is closed")
        if not self._offered:
            self._prepare()
        self._offered += 1
        pixels = render(frame, self._options.view, self._options.colour_map)
        colour = written_colour(self._options.colour, pixels.shape[0], self._pixel_format)
        while not self._process.offer(pixels, frame.time, colour) and self._patient:
            self._refuse_failure(self._process)
            self._process.wait(LOOK_S)
        self._count(self._process)
        if self._patient:
            self._refuse_failure(self._process)

    def close(self) -> None:
        """Let the process finish, for some seconds at most; may be called twice.

        Raises:
            SinkError: the end of a recording's playlist cannot be written.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.close(DISK_PATIENCE_S if self._address.playlist else SERVER_PATIENCE_S)
        self._count(process)
        if self._address.playlist and self._offered:
            self._end_playlist()
        if self._patient:
            self._refuse_failure(process)

    def _count(self, process: ForwardingProcess) -> None:
        self.written = process.forwarded
        self.skipped = self._offered - self.written

    def _refuse_failure(self, process: ForwardingProcess) -> None:
        if process.why:
            raise SinkError(f"{self._uri}: {process.why}")

    def _prepare(self) -> None:
        """Make the folder of a playlist, and remove what an earlier run left there."""
        playlist = self._address.playlist
        if playlist:
            try:
                playlist.parent.mkdir(exist_ok=True)
                sweep(playlist, keep_listed=False)
            except OSError as error:
                raise SinkError(f"{self._uri} cannot be written: {reason(error)}") from None

    def _end_playlist(self) -> None:
        assert self._address.playlist
        with suppress(OSError):  # a process that was ended could not
            end_playlist(self._address.playlist)


def choose_coder(address: Address, options: SinkOptions) -> tuple[Encoder, dict[str, str]]:
    """The encoder that is asked for; without one, NVENC where the GPU fuses and has it, else libx264.

    Raises:
        SinkError: the encoder is unknown, of no use for such an output or not in this installation, or the
            quality off its scale.
    """
    name = options.encoder
    if name is None and options.device == "cuda" and (coder := gpu_coder(options.quality)):
        name = GPU_ENCODER if opens("mp4", coder, options) else None
    name = name or DEFAULT_ENCODER
    allowed = ENCODERS[address.format]
    if name not in allowed:
        raise SinkError(f"{address.kind} takes the encoders {', '.join(allowed)}, got {name}; leave it out")
    quality = DEFAULT_QUALITY if options.quality is None else options.quality
    encoder, rehearsed = choose_encoder(name, quality)
    if options.encoder and name != DEFAULT_ENCODER and not opens("mp4", (encoder, rehearsed), options):
        raise SinkError(f"the encoder {name} cannot be opened on this machine; take {DEFAULT_ENCODER}")
    return encoder, {key: value.format(quality=quality) for key, value in LOW_LATENCY[name].items()}
