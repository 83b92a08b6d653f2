"""A sink that publishes fused frames over ZeroMQ."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zmq

from stream.errors import SinkError
from stream.frame import Frame, FusedFrame, Pixels
from stream.radiometry import as_json
from stream.runtime.clock import Clock, SystemClock
from stream.sinks.base import SinkBase, SinkOptions
from stream.sinks.video.timeline import DATES_FROM_S
from stream.sinks.zeromq.settings import read_settings
from stream.sinks.zeromq.socket import PublisherSocket
from stream.uri import Uri
from stream.zeromq.message import VIEWS, Header, latest_topic, one_part_head
from stream.zeromq.objects import OBJECTS, FoundObjects


class PublisherSink(SinkBase):
    """Publishes every view that has subscribers, in both forms of `stream.zeromq.message`.

    A subscriber that does not keep up loses frames of its own, after `queue_mb` of them wait for it; nobody
    else notices, and `write` never waits, unless `wait_ms` says so. Pictures are handed to ZeroMQ as they
    are, which keeps them until the last subscriber has them; frames are never written to once they are fused.
    """

    draws_boxes = False

    def __init__(self, uri: Uri, options: SinkOptions, clock: Clock | None = None) -> None:
        """Bind, or connect if the address has `connect`; nothing is sent before the first frame.

        Args:
            uri: `zmq+tcp://HOST:PORT` or `zmq+ipc://PATH`, with options.
            options: what is known of the frames.
            clock: for latency.

        Raises:
            SinkError: an option is wrong, the address is taken, or public without keys.
        """
        self.written = 0
        self._settings = settings = read_settings(uri)
        self._options, self._clock = options, clock or SystemClock()
        self._epoch_ns = self._clock.utc_ns()
        self._registration = _registration(options.calibration)
        self._topics = {view: f"{settings.stream}/{view}".encode() for view in VIEWS}
        every_form = (*self._topics.values(), *map(latest_topic, self._topics.values()))
        self._objects = f"{settings.stream}/{OBJECTS}".encode()
        try:
            self._socket = PublisherSocket(settings, (*every_form, self._objects))
        except zmq.ZMQError as error:
            done = "connected to" if settings.connect else "bound"
            raise SinkError(f"{uri} cannot be {done}: {error.strerror}; name another port") from None

    @property
    def endpoint(self) -> str:
        """The address in use, for example after binding port 0."""
        return self._socket.endpoint

    def write(self, frame: FusedFrame) -> None:
        """Publish the views that have subscribers."""
        self._socket.take_subscriptions()
        for view, topic in self._topics.items():
            parts, latest = self._socket.want(topic), self._socket.want(latest_topic(topic))
            if parts or latest:
                self._publish(frame, view, parts, latest)
        self.written += 1

    def tell(self, found: FoundObjects) -> None:
        """Publish objects under `<stream>/objects`."""
        self._socket.take_subscriptions()
        if self._socket.want(self._objects):
            here = replace(found, stream=self._settings.stream)
            self._socket.send([self._objects, here.as_json()])

    def close(self) -> None:
        """Close the socket; may be called twice."""
        self._socket.close()

    def _publish(self, frame: FusedFrame, view: str, parts: bool, latest: bool) -> None:
        pixels = np.ascontiguousarray(_view(frame, view))
        self._socket.bound_queue(pixels.nbytes)
        payload = memoryview(self._encoded(pixels)).cast("B")
        topic, header = self._topics[view], self._header(frame, view, pixels).as_json()
        if latest:
            self._socket.offer([b"".join((one_part_head(topic, header), payload))])
        if parts:
            self._socket.send([topic, header, payload])

    def _encoded(self, pixels: Any) -> Any:
        if self._settings.encoding == "raw":
            return pixels
        picture = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self._settings.quality])
        if not done:
            raise SinkError(f"a picture of {pixels.shape} cannot be written as JPEG")
        return np.asarray(data)

    def _header(self, frame: FusedFrame, view: str, pixels: Pixels) -> Header:
        pair, options = frame.pair, self._options
        error_s = pair.pairing_error_s
        return Header(
            stream=self._settings.stream,
            view=view,
            seq=frame.index,
            shape=pixels.shape,
            pixel_format="rgb24" if pixels.ndim == 3 else "gray8",
            encoding=self._settings.encoding,
            t_visible_ns=_time_ns(pair.visible),
            t_thermal_ns=_time_ns(pair.thermal),
            clock_visible=pair.visible.clock if pair.visible else None,
            clock_thermal=pair.thermal.clock if pair.thermal else None,
            pairing_error_ms=None if error_s is None else round(error_s * 1000, 3),
            flags=tuple(sorted(pair.flags)),
            registration=self._registration,
            model=dict(zip(("name", "sha256"), options.model(), strict=True)),
            latency_ms=self._latency_ms(frame),
            radiometry=as_json(pair.thermal.radiometry) if pair.thermal else None,
            epoch_ns=self._epoch_ns,
        )

    def _latency_ms(self, frame: FusedFrame) -> float | None:
        if frame.time_s < DATES_FROM_S:
            return None
        return round((self._clock.utc_ns() - float(frame.time_s) * 1e9) / 1e6, 3)


def _registration(calibration: Path | None) -> dict[str, str] | None:
    if calibration is None:
        return None
    return {"id": calibration.name, "sha256": hashlib.sha256(calibration.read_bytes()).hexdigest()}


def _view(frame: FusedFrame, view: str) -> Pixels:
    return {"fused": frame.pixels, "visible": frame.visible, "thermal": frame.thermal}[view]


def _time_ns(frame: Frame | None) -> int | None:
    if frame is None:
        return None
    # To the nearest nanosecond; rounding a Fraction would take ten times as long.
    numerator, denominator = frame.time_s.as_integer_ratio()
    return (2_000_000_000 * numerator + denominator) // (2 * denominator)
