"""Decoding by NVDEC: pictures are made, converted and kept on the GPU.

FFmpeg decodes in the CUDA context that torch uses, so that both see the same memory. It is handed over by
`current_ctx`, which takes the context of the calling thread as it is. PyAV's default, `primary_ctx`, insists
on flags that the context does not have once torch has opened it, and the device is opened before the sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import torch
from av import VideoFrame
from av.codec.hwaccel import HWAccel
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from stream.device.context import Operations
from stream.device.errors import mapped_cuda_errors
from stream.device.streams import take_stream
from stream.sources.video.pixels import Target, display_matrix
from stream.sources.video.yuv import Yuv


class Surfaces(Protocol):
    """The decoding device; the boundary to the hardware.

    Attributes:
        device: of the surfaces, as torch names it.
        operations: array operations for its tensors.
    """

    device: torch.device
    operations: Operations

    def hardware(self) -> AbstractContextManager[HWAccel | None]:
        """The hardware acceleration of PyAV, for a `with` block in which the file is opened."""

    def surface(self, picture: VideoFrame) -> VideoFrame | None:
        """The picture as NV12 or P010 in the device's memory; None when it was not decoded there."""

    def reading(self) -> AbstractContextManager[None]:
        """A `with` block in which surfaces can be read; what it has been given is done at its end."""


class CudaSurfaces:
    """Surfaces of NVDEC on a CUDA device."""

    def __init__(self, device: torch.device) -> None:
        """Take a stream of the device and its kernels.

        Raises:
            DeviceError: when the kernels cannot be had, or no stream is left.
        """
        from stream.device.kernels import load_kernels

        self.device = device
        self.operations: Operations = load_kernels(device)
        self._stream = take_stream(device)

    @contextmanager
    def hardware(self) -> Iterator[HWAccel]:
        """NVDEC in torch's context, with pictures that stay on the device."""
        with torch.cuda.device(self.device):
            # A launch makes torch's context the current one of this thread; asking for the device does not.
            torch.zeros(1, device=self.device)
            yield HWAccel(
                "cuda",
                device=self.device.index or 0,
                allow_software_fallback=True,
                options={"primary_ctx": "0", "current_ctx": "1"},
                is_hw_owned=True,
            )

    def surface(self, picture: VideoFrame) -> VideoFrame | None:
        """The picture itself, if it is on the device."""
        return picture if picture.format.name == "cuda" else None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Work in the block waits for FFmpeg's stream; at the end the host waits for the work.

        FFmpeg queues its copies on the legacy default stream, and takes the memory of a picture back as soon
        as the picture is forgotten, without a look at other streams.
        """
        decoded = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch has no types here
        decoded.record(torch.cuda.default_stream(self.device))
        # A blocking event lets this thread sleep while it waits.
        read = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # torch has no types here
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(decoded)
            yield
            read.record(self._stream)
        read.synchronize()


class SurfaceConverter:
    """Converts surfaces of one stream into upright tensors of their own, as `pixels.FrameToPixels` does."""

    def __init__(self, surfaces: Surfaces, target: Target, yuv: Yuv) -> None:
        self._surfaces, self._target = surfaces, target
        device = surfaces.device
        self._matrix = torch.from_numpy(yuv.rgb_matrix()).to(device)
        self._gain, self._black, self._top = yuv.luma_scale()
        # Asked of the first picture only, as in `pixels.FrameToPixels`: later ones give their surfaces back.
        self._orientation: tuple[int, int, int, int] | None = None

    def __call__(self, picture: VideoFrame) -> Tensor:
        """Convert one picture.

        Args:
            picture: as decoded.

        Returns:
            `rgb24` [H, W, 3] uint8, `gray8` [H, W] uint8 or `gray16le` [H, W] uint16 on the device, complete.

        Raises:
            ValueError: the picture is not on the device, since NVDEC could not decode it.
            DeviceError: the device fails.
        """
        surface = self._surfaces.surface(picture)
        if surface is None:
            raise ValueError(f"a picture of the format {picture.format.name} is not on the device")
        with mapped_cuda_errors(), self._surfaces.reading():
            # Rows of a surface are padded; kernels take dense planes.
            planes = [_tensor(plane).contiguous() for plane in surface.planes]
            if self._orientation is None:
                self._orientation = display_matrix(picture)
            return upright(self._convert(planes), self._orientation)

    def _convert(self, planes: list[Tensor]) -> Tensor:
        if self._target.pixel_format == "rgb24":
            rgb: Tensor = self._surfaces.operations.rgb_from_nv12(planes[0], planes[1], self._matrix)
            return rgb
        return full_range(planes[0], self._gain, self._black, self._top)


def full_range(luma: Tensor, gain: float, black: float, top: int) -> Tensor:
    """Luma as counts of 0 to `top`, rounded.

    Args:
        luma: [H, W] uint8 or uint16, as stored.
        gain: counts for one step of luma.
        black: luma of count 0.
        top: the largest count; up to 255 gives uint8, above uint16.
    """
    counts = luma.to(torch.float32).sub_(black).mul_(gain).round_().clamp_(0, top)
    return counts.to(torch.uint8 if top <= 255 else torch.uint16)


def upright(pixels: Tensor, matrix: tuple[int, int, int, int]) -> Tensor:
    """`pixels.upright` for tensors: apply the signs of a display matrix to [H, W] or [H, W, 3]; dense."""
    a, b, c, d = matrix
    rows, columns = (d, a) if a else (b, c)
    turned = pixels if a else pixels.transpose(0, 1)
    axes = [axis for axis, sign in enumerate((rows, columns)) if sign < 0]
    # uint16 has no flip of its own; turning bits round is the same for int16.
    if axes and pixels.dtype == torch.uint16:
        return turned.view(torch.int16).flip(axes).contiguous().view(torch.uint16)
    return (turned.flip(axes) if axes else turned).contiguous()


def _tensor(plane: Any) -> Tensor:
    # A capsule: asked by torch itself, the plane would refuse the stream that torch names.
    tensor: Tensor = from_dlpack(plane.__dlpack__())
    return tensor
