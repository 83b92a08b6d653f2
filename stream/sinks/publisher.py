"""A sink that publishes fused frames over ZeroMQ."""

from __future__ import annotations

import hashlib
import ipaddress
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zmq

from stream.clock import Clock, SystemClock
from stream.errors import SinkError
from stream.frame import Frame, FusedFrame, Pixels
from stream.keys import Gate, open_gate
from stream.radiometry import as_json
from stream.sinks.base import SinkOptions
from stream.sinks.closing import Closing
from stream.sinks.timeline import DATES_FROM_S
from stream.uri import Uri
from stream.wire import ENCODINGS, VIEWS, Header, latest_topic, one_part_head

DEFAULT_STREAM = "main"
OPTIONS = {"stream", "encoding", "quality", "queue_mb", "keys", "public"}
DEFAULT_QUEUE_MB = 64.0
FEWEST_QUEUED = 2
DEFAULT_JPEG_QUALITY = 85
# A subscription is the name of a topic; whatever is longer is a mistake or worse, and its sender is cut off.
LONGEST_SUBSCRIPTION = 1024


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """What the options of a `zmq+tcp://` URI say."""

    endpoint: str
    stream: str = DEFAULT_STREAM
    encoding: str = "raw"
    quality: int = DEFAULT_JPEG_QUALITY
    queue_mb: float = DEFAULT_QUEUE_MB
    keys: Path | None = None


@dataclass(slots=True)
class Subscriptions:
    """Which topics somebody wants, by the prefixes that subscribers ask for."""

    prefixes: set[bytes] = field(default_factory=set)

    def take(self, event: bytes) -> None:
        """An event of an XPUB socket: 1 or 0, and the prefix."""
        if event[:1] == b"\1":
            self.prefixes.add(event[1:])
        elif event[:1] == b"\0":
            self.prefixes.discard(event[1:])

    def want(self, topic: bytes) -> bool:
        """Whether anybody gets what is sent under a topic."""
        return any(topic.startswith(prefix) for prefix in self.prefixes)


class PublisherSink(Closing):
    """Publishes every view that somebody subscribes to, in both forms of `stream.wire`.

    A subscriber that does not keep up loses frames of its own, after `queue_mb` of them wait for it; nobody
    else notices, and `write` never waits. Pictures are handed to ZeroMQ as they are, which keeps them until
    the last subscriber has them; frames are never written to once they are fused.
    """

    def __init__(self, uri: Uri, options: SinkOptions, clock: Clock | None = None) -> None:
        """Bind; nothing is sent before the first frame.

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
        self._registration = _registration(options.calibration)
        self._subscriptions = Subscriptions()
        self._context = zmq.Context()
        self._gate: Gate | None = None
        try:
            self._socket = self._context.socket(zmq.XPUB)
            self._socket.setsockopt(zmq.LINGER, 200)
            self._socket.setsockopt(zmq.MAXMSGSIZE, LONGEST_SUBSCRIPTION)
            self._bound_frames = 0
            self._bound_queue(1_000_000)
            if settings.keys:
                self._gate = open_gate(self._context, self._socket, settings.keys)
            self._socket.bind(settings.endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise SinkError(f"{uri} cannot be bound: {error.strerror}; name another port") from None
        except BaseException:
            self.close()
            raise

    @property
    def endpoint(self) -> str:
        """Where it really is, for example after binding port 0."""
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def write(self, frame: FusedFrame) -> None:
        """Publish what somebody subscribes to; never waits."""
        self._take_subscriptions()
        for view in VIEWS:
            topic = f"{self._settings.stream}/{view}"
            parts, latest = (
                self._subscriptions.want(topic.encode()),
                self._subscriptions.want(latest_topic(topic)),
            )
            if parts or latest:
                self._publish(frame, view, topic, parts, latest)
        self.written += 1

    def close(self) -> None:
        """Say good-bye to subscribers; may be called twice."""
        if self._gate:
            self._gate.close()
            self._gate = None
        self._context.destroy(linger=200)

    def _publish(self, frame: FusedFrame, view: str, topic: str, parts: bool, latest: bool) -> None:
        pixels = np.ascontiguousarray(_view(frame, view))
        self._bound_queue(pixels.nbytes)
        payload = memoryview(self._encoded(pixels)).cast("B")
        header = self._header(frame, view, pixels).as_json()
        # With NOBLOCK nothing waits; XPUB itself drops what a subscriber has no room for.
        with suppress(zmq.Again):
            if parts:
                message: list[Any] = [topic.encode(), header, payload]
                self._socket.send_multipart(message, zmq.NOBLOCK, copy=False)
        with suppress(zmq.Again):
            if latest:
                head = one_part_head(topic, header)
                self._socket.send(b"".join((head, payload)), zmq.NOBLOCK, copy=False)

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
            model={"name": options.model[0], "sha256": options.model[1]},
            latency_ms=self._latency_ms(frame),
            radiometry=as_json(pair.thermal.radiometry) if pair.thermal else None,
        )

    def _latency_ms(self, frame: FusedFrame) -> float | None:
        if frame.time_s < DATES_FROM_S:
            return None
        return round((self._clock.utc_ns() - float(frame.time_s) * 1e9) / 1e6, 3)

    def _take_subscriptions(self) -> None:
        while self._socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            self._subscriptions.take(self._socket.recv())

    def _bound_queue(self, frame_bytes: int) -> None:
        """How many messages may wait for each subscriber that connects from now on."""
        frames = max(FEWEST_QUEUED, int(self._settings.queue_mb * 1e6 / frame_bytes))
        if frames != self._bound_frames:
            self._bound_frames = frames
            self._socket.setsockopt(zmq.SNDHWM, frames)


def read_settings(uri: Uri) -> PublisherSettings:
    """The options of a URI, checked.

    Raises:
        SinkError: one is unknown or wrong, or the address is public without keys.
    """
    unknown = sorted(set(uri.options) - OPTIONS)
    if unknown:
        raise SinkError(f"{uri}: unknown option {', '.join(unknown)}; known are {', '.join(sorted(OPTIONS))}")
    options = uri.options
    encoding = options.get("encoding", "raw")
    if encoding not in ENCODINGS:
        raise SinkError(f"{uri}: encoding must be {' or '.join(ENCODINGS)}, got {encoding!r}")
    stream = options.get("stream", DEFAULT_STREAM)
    if not stream or "/" in stream or "\0" in stream or not stream.isprintable():
        raise SinkError(f"{uri}: stream must be a name without '/', got {stream!r}")
    keys = Path(options["keys"]) if "keys" in options else None
    if not keys and "public" not in options and not is_loopback(uri):
        raise SinkError(
            f"{uri} would be open to everybody who reaches this machine: give it keys (keys=FOLDER, made by "
            "`gifnet keys`), bind 127.0.0.1, or say public=1 if that is what you want"
        )
    return PublisherSettings(
        f"{uri.scheme.removeprefix('zmq+')}://{uri.path}",
        stream,
        encoding,
        int(_number(uri, "quality", DEFAULT_JPEG_QUALITY, 1, 100)),
        _number(uri, "queue_mb", DEFAULT_QUEUE_MB, 1, 100_000),
        keys,
    )


def is_loopback(uri: Uri) -> bool:
    """Whether only this machine can reach an address."""
    if uri.scheme == "zmq+ipc":
        return True
    host = uri.path.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _number(uri: Uri, key: str, default: float, low: float, high: float) -> float:
    text = uri.options.get(key)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise SinkError(f"{uri}: {key} must be a number from {low:g} to {high:g}, got {text!r}")
    return value


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
