"""Sources of frames: one file a kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from stream.config import InputSettings
from stream.config.thermal_layout import CountLayout
from stream.errors import SourceError
from stream.frame import Side
from stream.runtime.clock import SystemClock
from stream.runtime.quiet import silence_libraries
from stream.sources.arrays import ArraySource
from stream.sources.base import Source, SourceInfo
from stream.sources.crop_rows import without_rows
from stream.sources.files import as_stated, is_recorded_video, open_pictures
from stream.sources.foreign import refuse_foreign
from stream.sources.live import is_live, open_live
from stream.sources.options import STATED, check_options
from stream.sources.part import take_part
from stream.sources.synthetic import SyntheticSource
from stream.sources.video.file import VideoSource
from stream.uri import Uri, parse_uri

if TYPE_CHECKING:
    import torch

__all__ = ["Source", "SourceInfo", "open_source"]

SUPPORTED = (
    "a video file, a folder or glob of pictures, images://FOLDER, flir://PATH, recording://FOLDER, "
    "thermal://PATH, synthetic://street?seed=1, and cameras by rtsp://, rtmp://, v4l2:///dev/video0, "
    "udp://, tcp://, http://, screen://, lavfi://, python://, live:// or chaos://"
)


def open_source(
    settings: InputSettings,
    role: Side,
    device: torch.device | None = None,
    partner: InputSettings | None = None,
) -> Source:
    """Open what a path or URI names.

    Args:
        settings: of the input; `uri` chooses the kind of source.
        role: `visible` gives `rgb24` frames, `thermal` gives `gray8` or `gray16le`.
        device: where the network runs; frames of video are decoded there if possible. None for the CPU.
        partner: settings of the other camera; pictures of two folders may be paired by their names.

    Returns:
        A source; close it, or use it in a `with`.

    Raises:
        SourceError: when the kind is unknown or the source cannot be opened.
    """
    silence_libraries()
    uri = parse_uri(settings.uri)
    if is_live(settings.uri):
        return open_live(settings, role, SystemClock(), Event().wait, device=device)
    settings, uri = take_part(settings, uri)
    settings = as_stated(settings, uri)
    states = settings.count_layout != CountLayout() or settings.colours != "auto"
    if uri.scheme in ("recording", "synthetic") and states:
        raise SourceError(
            f"{uri} knows its thermal pictures; leave out --thermal-camera, --thermal-layout and "
            "--thermal-palette"
        )
    if uri.scheme not in OPENERS:
        raise SourceError(f"{uri}: no source is known for {uri.scheme}://; supported are {SUPPORTED}")
    refuse_foreign(uri)
    if is_recorded_video(uri):
        check_options(uri, STATED if uri.scheme == "thermal" else set())
        return without_rows(VideoSource(settings, Path(uri.path), role, device), settings)
    if settings.track is not None:
        raise SourceError(f"{uri} is not a video file and has no tracks; leave out track={settings.track}")
    if settings.decoder == "cuda":
        raise SourceError(f"{uri} holds no video that NVDEC decodes; take --{role}-decoder auto or cpu")
    opener = OPENERS[uri.scheme]
    if opener is open_pictures:
        opener = partial(open_pictures, partner=partner)
    source = opener(settings, uri, role)
    # A recording has what was cut off no more.
    return source if uri.scheme == "recording" else without_rows(source, settings)


def _open_recording(settings: InputSettings, uri: Uri, role: Side) -> Source:
    from stream.sources.recording import RecordedSide

    check_options(uri, set())
    return RecordedSide(Path(uri.path), role, settings.radiometry)


# Scheme -> function that opens what is not a video; the empty scheme is a plain path.
OPENERS: dict[str, Callable[[InputSettings, Uri, Side], Source]] = {
    "": open_pictures,
    "arrays": ArraySource,
    "file": open_pictures,
    "images": open_pictures,
    "flir": open_pictures,
    "thermal": open_pictures,
    "synthetic": SyntheticSource,
    "recording": _open_recording,
}
