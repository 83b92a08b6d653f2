"""One pair of frames to one fused frame: luma by GIFNet, chroma of the visible frame kept."""

from __future__ import annotations

import torch
from torch import Tensor

import gifnet
from cuda_kernels import reference
from gifnet.config import MIN_SIDE_PX
from stream.config import FuseSettings
from stream.errors import SourceError
from stream.frame import Frame, FramePair, FusedFrame, Pixels
from stream.gain import GainControl
from stream.register import build_registrar
from stream.report import RunReport
from stream.sources.base import SourceInfo


class Fuser:
    """Fuses pairs, one after the other; used by one thread at a time.

    The formulae are the published ones: whole-number luma goes in, `255 *` the network's picture takes its
    place, and the visible chroma is merged back. Where the thermal camera does not reach, the network sees
    visible luma in its place and the result is visible luma.

    Times of its parts go to the report. On CUDA the parts only count what they take on the host; the device
    is waited for in `merge`.
    """

    def __init__(
        self,
        settings: FuseSettings,
        visible: SourceInfo,
        thermal: SourceInfo,
        device: torch.device,
        report: RunReport,
    ) -> None:
        """Load the network and set up registration and gain control.

        Raises:
            WeightsError: the weights cannot be loaded.
            DeviceError: the device does not offer the precision.
            CalibrationError: the sizes differ and no calibration is given, or it does not fit them.
        """
        visible_size, thermal_size = (visible.width, visible.height), (thermal.width, thermal.height)
        self._device = device
        self._times = report.times
        self._fused = 0
        self._gain = GainControl(settings.gain, thermal.bits)
        self._register = build_registrar(settings.registration, visible_size, thermal_size, device)
        fusion = settings.fusion
        self._network = gifnet.load(fusion.weights, str(device), fusion.precision)
        report.weights = {"name": fusion.weights, "sha256": self._network.weights_sha256}
        report.precision = self._network.precision

    @torch.inference_mode()
    def __call__(self, pair: FramePair) -> FusedFrame:
        """Fuse one pair."""
        times = self._times
        with times.measure("luma"):
            rgb = self._upload(pair.visible)
            luma, (cb, cr) = reference.luma(rgb), reference.chroma(rgb)
        with times.measure("register"):
            thermal, coverage = self._thermal(pair.thermal)
        with times.measure("network"):
            fused = self._fuse_luma(luma, thermal, coverage)
        with times.measure("merge"):
            pixels = _download(reference.merge(fused, cb, cr))
            shown = thermal if coverage is None else thermal * coverage
            warm = _download((shown * 255).round().to(torch.uint8))
        index, self._fused = self._fused, self._fused + 1
        return FusedFrame(pixels, pair.visible.pixels, warm, pair, index)

    def _upload(self, frame: Frame) -> Tensor:
        return torch.tensor(frame.pixels, device=self._device)

    def _thermal(self, frame: Frame) -> tuple[Tensor, Tensor | None]:
        """Thermal brightness on the visible grid, [H, W] float32 in 0..1, and its coverage."""
        counts = self._upload(frame)
        span = self._gain.span(counts)
        plane, coverage = self._register(counts)
        return reference.normalise(plane, span), coverage

    def _fuse_luma(self, luma: Tensor, thermal: Tensor, coverage: Tensor | None) -> Tensor:
        """Fused luma, [H, W] float32 in 0..255."""
        visible = luma / 255
        if coverage is not None:
            thermal = torch.lerp(visible, thermal, coverage)
        fused = self._network(visible[None, None], thermal[None, None])[0, 0] * 255
        return fused if coverage is None else torch.lerp(luma, fused, coverage)


def check_sizes(visible: SourceInfo, thermal: SourceInfo) -> None:
    """Refuse streams that are too small for the network.

    Raises:
        SourceError: names the stream and the smallest size.
    """
    for source in (visible, thermal):
        if min(source.width, source.height) < MIN_SIDE_PX:
            raise SourceError(
                f"{source.uri} has {source.width}x{source.height} pixels; "
                f"the network needs at least {MIN_SIDE_PX}x{MIN_SIDE_PX}"
            )


def _download(picture: Tensor) -> Pixels:
    pixels: Pixels = picture.cpu().numpy()
    return pixels
