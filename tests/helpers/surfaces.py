"""Stands for NVDEC where there is no GPU: the same planes, decoded by the CPU into memory of the host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from av import VideoFrame
from av.codec.hwaccel import HWAccel
from av.video.reformatter import VideoReformatter

from cuda_kernels import reference

CUDA = torch.device("cuda", 0)


class HostSurfaces:
    """NV12 or P010 planes on the host, handed over by DLPack as those of a GPU are.

    Attributes:
        reads: blocks in which surfaces were read.
        gone_after: number of pictures after which the decoder gives pictures that are not on the device.
    """

    def __init__(self, device: torch.device = CUDA, gone_after: int | None = None) -> None:
        self.device = torch.device("cpu")
        self.operations = reference
        self.reads = 0
        self.gone_after = gone_after
        self._scaler = VideoReformatter()

    @contextmanager
    def hardware(self) -> Iterator[HWAccel | None]:
        yield None

    def surface(self, picture: VideoFrame) -> VideoFrame | None:
        if self.gone_after is not None and self.reads >= self.gone_after:
            return None
        deep = picture.format.components[0].bits > 8
        return self._scaler.reformat(picture, format="p010le" if deep else "nv12")

    @contextmanager
    def reading(self) -> Iterator[None]:
        self.reads += 1
        yield


class NoDecoder(HostSurfaces):
    """A real attempt to open NVDEC, which fails on a machine without a GPU."""

    @contextmanager
    def hardware(self) -> Iterator[HWAccel | None]:
        yield HWAccel("cuda", device=0, allow_software_fallback=True, is_hw_owned=True)
