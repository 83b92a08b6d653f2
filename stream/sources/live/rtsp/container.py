"""An RTSP stream in the form of PyAV's containers, which gives each picture as soon as it is whole."""

from __future__ import annotations

import logging
import re
import struct
import time
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av

from stream.sources.live.rtsp.access_units import AccessUnit, AccessUnits
from stream.sources.live.rtsp.connection import OK, Answer, Connection, NotUsualError
from stream.sources.live.rtsp.description import Description, read_description

_SECONDS_1900_TO_1970 = 2_208_988_800
_SENDER_REPORT, _RECEIVER_REPORT, _BYE = 200, 201, 203
# Interval of receiver reports, and the default life of a session, in seconds (RFC 2326, 12.37).
_REPORT_EVERY_S, _SESSION_S = 5.0, 60.0
_LAP, _HALF_LAP = 1 << 32, 1 << 31

_log = logging.getLogger(__name__)


def open_rtsp(url: str, open_timeout_s: float, timeout_s: float) -> RtspContainer | None:
    """Set up and play a stream by TCP; None where server or stream are not of the usual kind.

    Args:
        url: `rtsp://`, with user and password.
        open_timeout_s: longest silence until it plays.
        timeout_s: longest silence afterwards.

    Raises:
        OSError: nothing listens there, the host is unknown, or it does not answer.
    """
    connection = Connection(url, open_timeout_s)
    try:
        container = _play(connection, timeout_s)
    except NotUsualError as reason:
        _log.debug("libav's RTSP client is taken: %s", reason)
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    connection.wait_at_most(timeout_s)
    return container


def _play(connection: Connection, timeout_s: float) -> RtspContainer:
    offers = connection.ask("OPTIONS", connection.url)
    answer = _good(connection.ask("DESCRIBE", connection.url, Accept="application/sdp"))
    base = answer.first("content-base") or answer.first("content-location") or connection.url
    described = read_description(answer.body, base)
    if described is None:
        raise NotUsualError("no track of H.264 or H.265 in its usual form")
    transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
    answer = _good(connection.ask("SETUP", described.track_url, Transport=transport))
    channels = re.search(r"interleaved=(\d+)(?:-(\d+))?", answer.first("transport"))
    session, _, rest = answer.first("session").partition(";")
    if not channels or not session:
        raise NotUsualError("packets do not come by this connection")
    connection.session = session.strip()
    _good(connection.ask("PLAY", described.session_url, Range="npt=0.000-"))
    life = re.search(r"timeout=(\d+)", rest)
    is_asked = "GET_PARAMETER" if "GET_PARAMETER" in offers.first("public") else "OPTIONS"
    media = int(channels[1])
    reports = int(channels[2] or media + 1)
    watch = Watch(is_asked, (float(life[1]) if life else 0.0) or _SESSION_S, timeout_s)
    return RtspContainer(connection, described, (media, reports), watch)


def _good(answer: Answer) -> Answer:
    if answer.status != OK:
        raise NotUsualError(f"status {answer.status}")
    return answer


class Watch:
    """Clock of a session: the server is to hear from its client, and the client from the stream, in time."""

    def __init__(self, method: str, session_s: float, timeout_s: float) -> None:
        self.method, self._session_s, self._timeout_s = method, session_s, timeout_s
        self._reported_s = self._asked_s = self._media_s = time.monotonic()

    def heard(self) -> None:
        """Something of the stream came."""
        self._media_s = time.monotonic()

    def check(self) -> None:
        """Raise where reports go on but the stream does not."""
        if time.monotonic() - self._media_s > self._timeout_s:
            raise TimeoutError("timed out")

    def report_is_due(self) -> bool:
        """True every few seconds."""
        due = time.monotonic() - self._reported_s > _REPORT_EVERY_S
        self._reported_s = time.monotonic() if due else self._reported_s
        return due

    def question_is_due(self) -> bool:
        """True twice in the life of a session."""
        due = time.monotonic() - self._asked_s > self._session_s / 2
        self._asked_s = time.monotonic() if due else self._asked_s
        return due


class RtspContainer:
    """The part of `av.container.InputContainer` that live sources use.

    Attributes:
        format: with its `name`.
        streams: with the one `video` stream, which has `index`, `codec_context` and `average_rate`.
    """

    def __init__(
        self, connection: Connection, described: Description, channels: tuple[int, int], watch: Watch
    ) -> None:
        self._connection, self._described, self._channels = connection, described, channels
        self._watch = watch
        codec: Any = av.CodecContext.create(described.codec, "r")
        if described.parameter_sets:
            codec.extradata = described.parameter_sets
        stream = SimpleNamespace(index=0, codec_context=codec, average_rate=None)
        self.format, self.streams = SimpleNamespace(name="rtsp"), SimpleNamespace(video=[stream])
        self._units = AccessUnits(described.codec, described.payload_type)
        self._source: int | None = None
        self._begin: int | None = None
        # The sender's clock in microseconds since 1970, and the RTP time that belongs to it.
        self._told: tuple[int, int] | None = None

    def demux(self) -> Iterator[Any]:
        """Packets of one picture each, until the server ends the stream.

        Raises:
            OSError: the connection broke, or nothing came in time.
        """
        try:
            for channel, data in self._connection.packets():
                if channel == self._channels[0]:
                    self._watch.heard()
                    self._source = int.from_bytes(data[8:12], "big")
                    for unit in self._units.push(data):
                        yield self._packet(unit)
                elif channel == self._channels[1] and self._take_report(data):
                    return
                self._keep_alive()
        except NotUsualError as error:
            raise ConnectionResetError(str(error)) from None

    def close(self) -> None:
        """End the session and disconnect; may be called twice."""
        connection, self._connection = self._connection, None  # type: ignore[assignment]
        if connection is None:
            return
        try:
            connection.wait_at_most(0.2)
            connection.send("TEARDOWN", self._described.session_url)
        except OSError:
            pass
        connection.close()

    def _packet(self, unit: AccessUnit) -> Any:
        packet: Any = av.Packet(unit.data)
        self._begin = unit.time if self._begin is None else self._begin
        packet.pts, packet.time_base = unit.time - self._begin, Fraction(1, self._described.clock_hz)
        packet.is_keyframe, packet.is_corrupt = unit.is_key, unit.is_corrupt
        if self._told:
            sender_us, at = self._told
            step = (unit.time - at + _HALF_LAP) % _LAP - _HALF_LAP
            packet.opaque = sender_us + step * 1_000_000 // self._described.clock_hz
        return packet

    def _take_report(self, data: bytes) -> bool:
        """Process a compound RTCP packet; True if the sender sent BYE."""
        place = 0
        while place + 8 <= len(data):
            kind, words = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
            if kind == _SENDER_REPORT and len(data) >= place + 20:
                seconds, fraction, at = struct.unpack_from(">III", data, place + 8)
                us = (seconds - _SECONDS_1900_TO_1970) * 1_000_000 + (fraction * 1_000_000 >> 32)
                self._told = us, at
            if kind == _BYE:
                return True
            place += 4 * (words + 1)
        return False

    def _keep_alive(self) -> None:
        self._watch.check()
        if self._watch.report_is_due() and self._source is not None:
            # An empty report: it only shows the server that the client is there.
            report = struct.pack(">BBHI", 0x80, _RECEIVER_REPORT, 1, self._source ^ 1)
            self._connection.send_packet(self._channels[1], report)
        if self._watch.question_is_due():
            self._connection.send(self._watch.method, self._described.session_url)
