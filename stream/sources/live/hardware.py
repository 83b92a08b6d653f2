"""NVDEC for live streams: takes over from the CPU's decoder with the first picture, where it can."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import av
from av import VideoFrame

from stream.config import InputSettings, ThermalInputSettings
from stream.frame import Side
from stream.sources.live.whole_pictures import WholePictures, set_for_live
from stream.sources.video import hdr
from stream.sources.video.decoder_choice import SURFACES, video_of, why_cpu
from stream.sources.video.file import HARDWARE_ERRORS, open_cuda_surfaces
from stream.sources.video.pixels import Target
from stream.sources.video.yuv import yuv_of

if TYPE_CHECKING:
    import torch

    from stream.sources.video.nvdec import SurfaceConverter, Surfaces

OpenSurfaces = Callable[["torch.device"], "Surfaces"]


class LiveHardware:
    """The decoder in hardware of one connection; used by the thread of its camera.

    Attributes:
        why_not: reason why the CPU decodes, in one phrase; None while NVDEC does.
    """

    def __init__(self, device: torch.device | None, open_surfaces: OpenSurfaces = open_cuda_surfaces) -> None:
        """Open nothing yet.

        Args:
            device: where the network runs; None for the CPU.
            open_surfaces: gives what NVDEC decodes into.
        """
        self._device, self._open_surfaces = device, open_surfaces
        self._surfaces: Surfaces | None = None
        self._converter: SurfaceConverter | None = None
        self.why_not: str | None = "nothing has come yet"

    def take_over(
        self,
        whole: WholePictures,
        codec: Any,
        first: VideoFrame,
        settings: InputSettings,
        role: Side,
        target: Target,
        has_palette: bool,
    ) -> bool:
        """Take over from the first picture, where that is wanted and possible.

        Args:
            whole: what decodes the stream; gave `first` just now.
            codec: the CPU's `av.CodecContext`.
            first: the first picture, as the CPU decoded it.
            settings: of the input.
            role: of the input.
            target: what its frames become.
            has_palette: the colours are taken back to warmth, which the CPU does.

        Returns:
            True where it did; `why_not` tells otherwise.
        """
        video = video_of(codec.codec, first, is_hdr=role == "visible" and first.color_trc in hdr.NAMES)
        self.why_not = why_cpu(settings.decoder, self._device, video)
        if self.why_not is None and has_palette:
            self.why_not = "the colours of a palette are taken back to warmth"
        if (
            self.why_not is None
            and isinstance(settings, ThermalInputSettings)
            and settings.telemetry != "none"
        ):
            self.why_not = "its telemetry is read by the CPU"
        if self.why_not is None:
            self.why_not = self._move(whole, codec, first, target)
        return self.why_not is None

    def _move(self, whole: WholePictures, codec: Any, first: VideoFrame, target: Target) -> str | None:
        from stream.sources.video.nvdec import SurfaceConverter

        assert self._device is not None
        surfaces = self._open_surfaces(self._device)
        yuv = yuv_of(first, SURFACES[first.format.name])
        try:
            with surfaces.hardware() as hardware:
                decoder: Any = av.CodecContext.create(codec.codec.name, "r", hardware)
                decoder.extradata = codec.extradata
                set_for_live(decoder)
                taken = whole.move_to(decoder, lambda picture: surfaces.surface(picture) is not None)
        except HARDWARE_ERRORS as error:
            return f"NVDEC cannot be opened here ({getattr(error, 'strerror', None) or error})"
        if not taken:
            return "this GPU's NVDEC does not take its profile or size"
        self._surfaces, self._converter = surfaces, SurfaceConverter(surfaces, target, yuv)
        return None

    def converter(self, picture: VideoFrame) -> SurfaceConverter | None:
        """Converter of a hardware picture; None for a picture that the CPU decoded."""
        if self._surfaces is None or self._surfaces.surface(picture) is None:
            return None
        return self._converter

    def give_up(self) -> None:
        """The CPU has taken over for the rest of the connection."""
        self.why_not = "the GPU's video decoder failed"
        self._surfaces = self._converter = None
