"""Checks of the GPU for `doctor`: the card and its driver, the kernels, Triton, NVDEC."""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import av
import numpy as np
import torch

from cuda_kernels.cuda import compile as kernel_sources
from gifnet.hardware import TritonParts, triton_parts
from stream.config import InputSettings
from stream.device.context import LEAST_CAPABILITY
from stream.device.errors import mapped_cuda_errors
from stream.doctor.row import Row
from stream.errors import DeviceError, GifnetError
from stream.runtime.host_info import DRIVER_FILE, driver_version, text_of
from stream.sinks.base import SinkOptions
from stream.sinks.video.encoders import choose_encoder
from stream.sinks.video.file import VideoFile
from stream.sources import open_source

GIB = 2**30
# The tensor cores that the fused attention is written for came with Ampere.
TRITON_CAPABILITY = (8, 0)
_INSTALL = "for a GPU only: python -m pip install 'gifnet-stream[gpu]'"
_VIDEO = "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video"


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU as torch sees it.

    Attributes:
        name: of the model.
        capability: compute capability, for example (9, 0).
        free_bytes: memory that no program holds.
        total_bytes: memory of the card.
    """

    name: str
    capability: tuple[int, int]
    free_bytes: int
    total_bytes: int

    def __str__(self) -> str:
        free, total = (size / GIB for size in (self.free_bytes, self.total_bytes))
        major, minor = self.capability
        return f"{self.name}, compute capability {major}.{minor}, {free:.1f} of {total:.1f} GiB free"


def gpu_rows() -> list[Row]:
    """Check everything of the GPU; without one, what can be checked of the rest."""
    cards: list[Card] = []
    driver = driver_version(text_of(DRIVER_FILE))
    try:
        with mapped_cuda_errors():
            cards = find_cards()
        gpu = cuda_row(torch.version.cuda, driver, cards)
    except DeviceError as error:
        gpu = Row("GPU", "missing", f"driver {driver}, but the GPU cannot be used", str(error))
    first = cards[0].capability if cards else None
    rows = [gpu, cupy_row(), kernels_row(first), triton_row(first, triton_parts())]
    return [*rows, nvdec_row(first is not None)]


def find_cards() -> list[Card]:
    """GPUs that torch can use."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [
        Card(
            torch.cuda.get_device_name(index),
            torch.cuda.get_device_capability(index),
            *torch.cuda.mem_get_info(index),
        )
        for index in range(count)
    ]


def cuda_row(built_for: str | None, driver: str | None, cards: list[Card]) -> Row:
    """GPU, driver and the build of torch.

    Args:
        built_for: CUDA version that torch is built for, None for a build without.
        driver: version of the NVIDIA driver, None without.
        cards: what torch can use.
    """
    if cards:
        found = f"{'; '.join(map(str, cards))}; CUDA {built_for}, driver {driver or 'unknown'}"
        if cards[0].capability < LEAST_CAPABILITY:
            remedy = "take a GPU of compute capability 7.5 (Turing, 2018) or newer, or the CPU"
            return Row("GPU", "missing", found, remedy)
        return Row("GPU", "ok", found)
    if driver is None:
        remedy = "for a GPU, install one and its driver; else use the CPU"
        return Row("GPU", "missing", "no NVIDIA driver", remedy)
    if built_for is None:
        remedy = "install a build of torch with CUDA, see pytorch.org"
        return Row("GPU", "missing", f"driver {driver}, but this torch is built without CUDA", remedy)
    remedy = "update the driver, or let the container see the GPU (docker run --gpus all)"
    return Row("GPU", "missing", f"driver {driver}, torch for CUDA {built_for} finds no GPU", remedy)


def cupy_row() -> Row:
    """The library that launches the kernels."""
    if importlib.util.find_spec("cupy") is None:
        return Row("CuPy", "missing", "not installed", _INSTALL)
    try:
        return Row("CuPy", "ok", version("cupy-cuda13x"))
    except PackageNotFoundError:
        return Row("CuPy", "ok", "another build of it")


def kernels_row(capability: tuple[int, int] | None) -> Row:
    """Compile the kernels: on the GPU as a run does, and without one for the first GPU that is supported."""
    try:
        if capability is None:
            architecture = kernel_sources.ARCHITECTURES[0]
            with mapped_cuda_errors():
                for family in kernel_sources.FAMILIES:
                    kernel_sources.compile_cubin(kernel_sources.source(family), architecture, f"{family}.cu")
            found = f"compile for sm_{architecture}; not run, since there is no GPU"
        else:
            from stream.device.kernels import load_kernels

            load_kernels(torch.device("cuda", 0))
            found = "compile and load on this GPU"
    except DeviceError as error:
        return Row("CUDA kernels", "missing", str(error).splitlines()[0], _INSTALL)
    return Row("CUDA kernels", "ok", found)


def triton_row(capability: tuple[int, int] | None, parts: TritonParts) -> Row:
    """The compiler of the network for 16-bit precisions.

    Args:
        capability: of the GPU, None without one.
        parts: what is here of that which it needs.
    """
    slower = "the network runs on a GPU without it, more slowly"
    triton = parts.version
    if triton is None:
        return Row("Triton", "missing", "not installed", f"{slower}; builds of torch for CUDA bring it")
    if parts.missing:
        found = f"{triton}, but {parts.missing} is missing"
        return Row("Triton", "missing", found, f"{slower}; install gcc and python3-dev")
    if capability is not None and capability < TRITON_CAPABILITY:
        found = f"{triton}, not used on compute capability {capability[0]}.{capability[1]}"
        return Row(
            "Triton", "missing", found, f"{slower}; a GPU of compute capability 8.0 or newer is needed"
        )
    return Row("Triton", "ok", triton)


def nvdec_row(has_gpu: bool) -> Row:
    """Decode one picture by NVDEC, where there is a GPU."""
    if not has_gpu:
        return Row("NVDEC", "missing", "no GPU", "video is decoded by the CPU")
    try:
        found = _decode_one()
    except (GifnetError, OSError, ValueError, av.error.FFmpegError) as error:
        found = str(error)
    if found.startswith("cuda"):
        return Row("NVDEC", "ok", found)
    remedy = f"video is decoded by the CPU; a container sees NVDEC only with {_VIDEO}"
    return Row("NVDEC", "missing", found, remedy)


def _decode_one() -> str:
    """The decoder of an H.264 file of one picture on the first GPU, or why NVDEC is not it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "one.mp4")
        _write_one(path)
        settings = InputSettings(uri=str(path))
        with open_source(settings, "visible", torch.device("cuda", 0)) as source:
            info = source.info
            next(iter(source))
        return info.decoder if info.decoder.startswith("cuda") else info.decoder_why


def _write_one(path: Path) -> None:
    size = 256, 256
    file = VideoFile(str(path), "mp4", choose_encoder(None, None), SinkOptions(), size, Fraction(0))
    file.add(np.zeros((*size, 3), np.uint8), Fraction(0))
    file.finish()
