"""Settings of a publisher."""

from __future__ import annotations

import ipaddress
import stat
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from stream.sinks.base import Sink, SinkOptions
from stream.sinks.settings import SinkSettings
from stream.uri import Uri, parse_uri

DEFAULT_STREAM = "main"
LONGEST_STREAM = 200
DEFAULT_QUEUE_MB = 64.0
DEFAULT_JPEG_QUALITY = 85


class PublisherSettings(SinkSettings):
    """A ZeroMQ publisher; it sends every view that is asked for, so that `view` is of no use to it."""

    # No frames are written to a socket in the file system; `_check_socket` keeps it off files.
    schemes: ClassVar = {"zmq+tcp": False, "zmq+ipc": False}
    form: ClassVar = "zmq+tcp://127.0.0.1:PORT"
    kind: ClassVar = "a ZeroMQ publisher"
    in_query: ClassVar = frozenset({"quality"})

    stream: str = DEFAULT_STREAM
    encoding: Literal["raw", "jpeg"] = "raw"
    quality: Annotated[int, Field(ge=1, le=100)] = DEFAULT_JPEG_QUALITY
    queue_mb: Annotated[float, Field(ge=1, le=100_000)] = DEFAULT_QUEUE_MB
    wait_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    keys: Path | None = None
    public: bool = False
    connect: bool = False

    @property
    def endpoint(self) -> str:
        """The address as ZeroMQ writes it."""
        uri = parse_uri(self.uri)
        return f"{uri.scheme.removeprefix('zmq+')}://{uri.path}"

    def open(self, options: SinkOptions) -> Sink:
        """A publisher."""
        from stream.sinks.zeromq.publisher import PublisherSink

        return PublisherSink(parse_uri(self.uri), options)

    @field_validator("public", "connect", mode="before")
    @classmethod
    def _bare_is_yes(cls, value: Any) -> Any:
        return True if value == "" else value

    @field_validator("stream")
    @classmethod
    def _check_stream(cls, value: str) -> str:
        fits = len(value.encode()) <= LONGEST_STREAM and value.isprintable()
        if not value or "/" in value or not fits:
            raise ValueError(
                f"stream must be a name without '/' of at most {LONGEST_STREAM} bytes, got {value!r}"
            )
        return value

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        uri = parse_uri(self.uri)
        if self.connect and self.keys:
            raise ValueError("keys are for publishers that others connect to; leave out keys, or connect")
        if not (self.keys or self.connect or self.public or is_loopback(uri)):
            raise ValueError(
                "it would be open to everybody who reaches this machine: give it keys (keys=FOLDER, made by "
                "`gifnet keys`), bind 127.0.0.1, or say public=1 if that is what you want"
            )
        if uri.scheme == "zmq+ipc" and not self.connect:
            _check_socket(Path(uri.path))
        return self


def read_settings(uri: Uri) -> PublisherSettings:
    """The options of a URI, checked.

    Raises:
        SinkError: one is unknown or wrong, or the address is public without keys.
    """
    return PublisherSettings.read(uri, {})


def is_loopback(uri: Uri) -> bool:
    """True when only this machine can reach an address."""
    if uri.scheme == "zmq+ipc":
        return True
    host = uri.path.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_socket(path: Path) -> None:
    """Refuse a path that is taken by anything but a socket: libzmq removes what is there before it binds."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ValueError(f"{path} exists and is not a socket, so it would be removed; name another path")
