"""What the options of a publisher's address say, checked."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from stream.errors import SinkError
from stream.uri import Uri
from stream.zeromq.message import ENCODINGS

DEFAULT_STREAM = "main"
OPTIONS = {"stream", "encoding", "quality", "queue_mb", "wait_ms", "keys", "public", "connect"}
LONGEST_STREAM = 200
DEFAULT_QUEUE_MB = 64.0
DEFAULT_JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """What the options of a `zmq+tcp://` URI say."""

    endpoint: str
    stream: str = DEFAULT_STREAM
    encoding: str = "raw"
    quality: int = DEFAULT_JPEG_QUALITY
    queue_mb: float = DEFAULT_QUEUE_MB
    wait_ms: int = 0
    keys: Path | None = None
    connect: bool = False


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
    fits = len(stream.encode()) <= LONGEST_STREAM and stream.isprintable()
    if not stream or "/" in stream or not fits:
        raise SinkError(
            f"{uri}: stream must be a name without '/' of at most {LONGEST_STREAM} bytes, got {stream!r}"
        )
    keys = Path(options["keys"]) if "keys" in options else None
    connect = "connect" in options
    if connect and keys:
        raise SinkError(f"{uri}: keys are for publishers that others connect to; leave out keys, or connect")
    if not keys and not connect and "public" not in options and not is_loopback(uri):
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
        int(_number(uri, "wait_ms", 0, 0, 60_000)),
        keys,
        connect,
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
