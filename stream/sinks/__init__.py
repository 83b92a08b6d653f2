"""Sinks of fused frames: one file a kind, imported when it is asked for.

The process that sends frames onward is made of files in here too, and does without torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stream.config import OutputSettings
from stream.errors import SinkError
from stream.sinks.base import Sink, SinkOptions
from stream.uri import Uri, parse_uri

__all__ = ["Sink", "SinkOptions", "open_sink"]

SUPPORTED = (
    "a file *.mp4, *.mkv or *.mov, "
    "a folder of pictures (images://FOLDER?format=png, or a path that ends in /), recording://FOLDER, "
    "zmq+tcp://127.0.0.1:PORT, rtsp://HOST/NAME, rtmp://HOST/APP/NAME, hls://FOLDER and null://"
)


def open_sink(settings: OutputSettings, options: SinkOptions) -> Sink:
    """Open what a path or URI names; nothing is written before the first frame.

    Args:
        settings: of the output; `uri` chooses the kind of sink.
        options: how to write, and what is known of the frames.

    Returns:
        A sink; close it, or use it in a `with`.

    Raises:
        SinkError: when the kind is unknown, the place cannot be written to, or encoder or quality do not fit.
    """
    uri = parse_uri(settings.uri)
    if uri.scheme not in OPENERS:
        raise SinkError(f"{uri}: no sink is known for {uri.scheme}://; supported are {SUPPORTED}")
    return OPENERS[uri.scheme](uri, options)


def _open_path(uri: Uri, options: SinkOptions) -> Sink:
    from stream.sinks.video.file import CONTAINERS
    from stream.sinks.video.segments import SegmentedSink
    from stream.sinks.video.sink import VideoSink

    path = Path(uri.path)
    if uri.path.endswith("/") or path.is_dir():
        return _open_images(uri, options)
    if path.suffix.lower() == ".m3u8":
        return _open_onward(uri, options)
    if path.suffix.lower() not in CONTAINERS:
        raise SinkError(
            f"{uri}: no sink is known for files that end in {path.suffix!r}; supported are {SUPPORTED}"
        )
    _check_options(uri, set())
    segmented = options.live or options.sidecar or options.keep_free_mb is not None
    if segmented or options.segment_s is not None or options.segment_mb is not None:
        return SegmentedSink(path, options)
    return VideoSink(path, options)


def _open_images(uri: Uri, options: SinkOptions) -> Sink:
    from stream.sinks.images import ImageSink

    _check_options(uri, {"format"})
    if not uri.path:
        raise SinkError(f"{uri} names no folder; write images://FOLDER")
    return ImageSink(Path(uri.path), options, uri.options.get("format", "png"))


def _open_recording(uri: Uri, options: SinkOptions) -> Sink:
    from stream.sinks.recording import RecordingSink

    _check_options(uri, set())
    if not uri.path:
        raise SinkError(f"{uri} names no folder; write recording://FOLDER")
    return RecordingSink(Path(uri.path), options)


def _open_publisher(uri: Uri, options: SinkOptions) -> Sink:
    from stream.sinks.zeromq.publisher import PublisherSink

    return PublisherSink(uri, options)


def _open_onward(uri: Uri, options: SinkOptions) -> Sink:
    from stream.sinks.restream.sink import OnwardSink

    return OnwardSink(uri, options)


def _open_null(uri: Uri, options: SinkOptions) -> Sink:
    from stream.sinks.null import NullSink

    _check_options(uri, set())
    return NullSink(options)


def _check_options(uri: Uri, known: set[str]) -> None:
    unknown = sorted(set(uri.options) - known)
    if unknown:
        raise SinkError(f"{uri}: unknown option {', '.join(unknown)}; known are {', '.join(known) or 'none'}")


# Scheme -> what opens it; the empty one is a plain path.
OPENERS: dict[str, Callable[[Uri, SinkOptions], Sink]] = {
    "": _open_path,
    "file": _open_path,
    "hls": _open_onward,
    "images": _open_images,
    "null": _open_null,
    "recording": _open_recording,
    "rtmp": _open_onward,
    "rtmps": _open_onward,
    "rtsp": _open_onward,
    "rtsps": _open_onward,
    "zmq+tcp": _open_publisher,
    "zmq+ipc": _open_publisher,
}
