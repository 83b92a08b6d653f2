"""Choice of a video's decoder, libav on the CPU or NVDEC on the GPU; touches no device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from av import VideoFrame
from av.codec.hwaccel import HWDeviceType

from stream.config import Decoder
from stream.sources.video.yuv import WEIGHTS
from stream.yuv import UNSPECIFIED

if TYPE_CHECKING:
    import torch

# Codecs that libav hands to NVDEC and current GPUs decode. Not MJPEG, which NVDEC cannot decode alone, nor
# AV1, for which PyAV picks a decoder that works on the CPU only.
CODECS = ("h264", "hevc", "vp8", "vp9")
# Pixel format of the CPU's decoder -> that of NVDEC's surfaces.
SURFACES = {"yuv420p": "nv12", "yuvj420p": "nv12", "nv12": "nv12", "yuv420p10le": "p010le"}


@dataclass(frozen=True, slots=True)
class Video:
    """Properties of the first picture, as the CPU decoded it, on which the choice depends.

    Attributes:
        codec: libav's name of the decoder.
        accelerated: whether libav can hand this codec to NVDEC.
        pixel_format: libav's name.
        size: width and height in pixels, before rotation.
        matrix: H.273 code point of the colour matrix.
        is_woven: interlaced, and to become whole pictures.
        is_hdr: of high dynamic range, and to become SDR.
    """

    codec: str
    accelerated: bool
    pixel_format: str
    size: tuple[int, int]
    matrix: int = UNSPECIFIED
    is_woven: bool = False
    is_hdr: bool = False


def video_of(codec: Any, first: VideoFrame, **to_do: bool) -> Video:
    """Properties of an `av.codec.Codec` and its first picture, and the resulting choice."""
    kinds = [config.device_type for config in codec.hardware_configs]
    size = first.width, first.height
    return Video(codec.name, HWDeviceType.cuda in kinds, first.format.name, size, first.colorspace, **to_do)


def why_cpu(wanted: Decoder, device: torch.device | None, video: Video) -> str | None:
    """Reason why the CPU decodes, in one phrase; None where NVDEC is to be tried.

    Args:
        wanted: the setting.
        device: where the network runs; None for the CPU.
        video: what is to be decoded.
    """
    if wanted == "cpu":
        return "as asked for"
    if device is None or device.type != "cuda":
        return "the network does not run on a GPU"
    return obstacle(video)


def obstacle(video: Video) -> str | None:
    """The reason why NVDEC cannot decode a video, in one phrase; None where none is known."""
    if video.codec not in CODECS or not video.accelerated:
        return f"NVDEC is used for {', '.join(CODECS)}, and this is {video.codec}"
    if video.pixel_format not in SURFACES:
        return f"NVDEC is used for 4:2:0 of 8 or 10 bits, and this is {video.pixel_format}"
    width, height = video.size
    if width % 2 or height % 2:
        return f"NVDEC is used for even sizes, and this is {width}x{height}"
    if video.matrix != UNSPECIFIED and video.matrix not in WEIGHTS:
        return f"the colour matrix of H.273 code {video.matrix} is converted by the CPU only"
    if video.is_woven or video.is_hdr:
        return f"{'interlaced video' if video.is_woven else 'HDR'} is converted by the CPU only"
    return None
