"""Fuse streams of an RGB and a thermal camera.

    visible camera ─► source ─┐                                              ┌─► MP4 / MKV file
                              ├─► sync ─► register ─► fuser (GIFNet) ─► fan-out ├─► images
    thermal camera ─► source ─┘    pair     one grid      one image          └─► null

Every box is a file of this package. The public names load when they are first used:

    import stream
    for frame in stream.fuse("visible.mp4", "thermal.mp4"):
        frame.pixels                              # [H, W, 3] uint8 RGB
        frame.time_s                              # capture time in seconds

    with stream.Fuser(model="lite") as fuser:     # or with arrays, in a loop of one's own
        fuser(visible, thermal).pixels
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stream.runtime.cpu_threads import wait_passively

if TYPE_CHECKING:
    from stream.config import RunSettings as RunSettings
    from stream.errors import GifnetError as GifnetError
    from stream.frame import Frame as Frame
    from stream.frame import FramePair as FramePair
    from stream.frame import FusedFrame as FusedFrame
    from stream.monitoring.report import RunReport as RunReport
    from stream.pipeline.array_fuser import Fuser as Fuser
    from stream.pipeline.array_fuser import fuse_pair as fuse_pair
    from stream.pipeline.fuse import fuse as fuse
    from stream.pipeline.fuse import live_camera as live_camera
    from stream.pipeline.run import run as run
    from stream.sinks import open_sink as open_sink
    from stream.sources import open_source as open_source

# Public name -> where it lives; imported on first use, so that `import stream` does not wait for torch.
_PUBLIC = {
    "Frame": "stream.frame",
    "FramePair": "stream.frame",
    "FusedFrame": "stream.frame",
    "Fuser": "stream.pipeline.array_fuser",
    "GifnetError": "stream.errors",
    "RunReport": "stream.monitoring.report",
    "RunSettings": "stream.config",
    "fuse": "stream.pipeline.fuse",
    "fuse_pair": "stream.pipeline.array_fuser",
    "live_camera": "stream.pipeline.fuse",
    "open_sink": "stream.sinks",
    "open_source": "stream.sources",
    "run": "stream.pipeline.run",
}

__all__ = [
    "Frame",
    "FramePair",
    "FusedFrame",
    "Fuser",
    "GifnetError",
    "RunReport",
    "RunSettings",
    "fuse",
    "fuse_pair",
    "live_camera",
    "open_sink",
    "open_source",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    wait_passively()
    return getattr(importlib.import_module(_PUBLIC[name]), name)
