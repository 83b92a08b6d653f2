"""From decoded frames to what travels: planes where they can, else pixels."""

from __future__ import annotations

from av import VideoFrame

from stream.picture import Pixels, YuvPlanes
from stream.sources.video.pixels import FrameToPixels, Target, display_matrix
from stream.yuv import PlanesToRgb, luma_range, planes_of

UPRIGHT = 1, 0, 0, 1


class FrameToPicture:
    """Turns decoded frames of one stream into what travels: planes where they can, else `FrameToPixels`."""

    def __init__(self, target: Target) -> None:
        self._pixels, self._to_rgb = FrameToPixels(target), PlanesToRgb()
        self._known: tuple[str, int, int] | None = None
        self._may_be_planes: bool | None = None if target.pixel_format == "rgb24" else False

    def __call__(self, frame: VideoFrame) -> Pixels | YuvPlanes:
        """Convert one frame; planes stay in the decoder's own memory."""
        if self._may_be_planes is None:
            self._may_be_planes = display_matrix(frame) == UPRIGHT
        found = luma_range(frame) if self._may_be_planes else None
        if found is None:
            return self._pixels(frame)
        form = frame.format.name, frame.width, frame.height
        if form != self._known:
            self._known, self._to_rgb = form, PlanesToRgb(frame)
        return planes_of(frame, self._to_rgb)
