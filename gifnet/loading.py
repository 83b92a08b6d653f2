"""`gifnet.load`: weights, device and precision to a network that is ready to fuse."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import torch

from gifnet import weights as weight_files
from gifnet.config import Kind
from gifnet.errors import DeviceError
from gifnet.hardware import has_fast_bfloat16, triton_parts
from gifnet.inference import InferenceForm
from gifnet.lite.model import GIFNetLite
from gifnet.model import Fusion, GIFNet

Precision = Literal["auto", "float32", "bfloat16", "float16"]

_log = logging.getLogger(__name__)


def load(
    weights: str | Path = "default", device: str | torch.device = "cpu", precision: Precision = "auto"
) -> GIFNet:
    """A GIFNet that is ready to fuse: `model(visible, thermal)` runs its inference form, without gradients.

    Its parts `encode`, `interact`, `decode` and `reconstruct` are there in float32; `model.train()` makes
    `forward` the trainable one again.

    Args:
        weights: "default" (ours, in the package), "published" (imported before) or a file: safetensors of
            ours, or a published checkpoint.
        device: where to compute, as torch names it.
        precision: number format; "auto" takes bfloat16 where the hardware computes in it, else float16 on a
            GPU and float32 on a CPU. In 16 bits a GPU with tensor cores for bfloat16 runs the form of
            `gifnet.gpu` where Triton can compile it; `model.form` tells which one runs.

    Raises:
        WeightsError: the weights are missing, damaged or of another network.
        DeviceError: the device or the precision is not to be had here.
    """
    place = _device(device)
    dtype = choose_dtype(precision, place)
    model = GIFNet()
    state = weight_files.read(weight_files.resolve(weights))
    weight_files.load_into(model, state)
    model = model.to(place).eval()
    model.weights_sha256 = state.sha256
    form, name = _inference_form(model, dtype)
    model.use_inference_form(form, str(dtype).removeprefix("torch."), name)
    return model


def load_lite(
    weights: str | Path = "default", device: str | torch.device = "cpu", precision: Precision = "auto"
) -> GIFNetLite:
    """A GIFNet-lite that is ready to fuse: `model(visible, thermal)`, without gradients.

    Every picture is exposed by its own brightness, see `gifnet.lite.exposure`; in videos `stream` lets that
    move slowly. Arguments and errors are those of `load`, and weights of the full network are refused.
    """
    place = _device(device)
    dtype = choose_dtype(precision, place)
    model = GIFNetLite()
    state = weight_files.read(weight_files.resolve(weights, "lite"))
    weight_files.load_into(model, state)
    model.weights_sha256 = state.sha256
    model = model.eval().requires_grad_(False).to(place, dtype)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # missing in torch's types


def load_network(
    kind: Kind, weights: str | Path, device: str | torch.device, precision: Precision
) -> GIFNet | GIFNetLite:
    """The full or the lite network, see `load` and `load_lite`."""
    return LOADERS[kind](weights, device, precision)


LOADERS: dict[Kind, Callable[[str | Path, str | torch.device, Precision], GIFNet | GIFNetLite]] = {
    "full": load,
    "lite": load_lite,
}


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The number format that a precision means on a device.

    Raises:
        DeviceError: for an unknown precision, and for float16 on a CPU.
    """
    if precision not in get_args(Precision):
        raise DeviceError(f"precision must be one of {', '.join(get_args(Precision))}, got {precision!r}")
    if precision == "auto":
        if has_fast_bfloat16(device):
            return torch.bfloat16
        return torch.float16 if device.type == "cuda" else torch.float32
    if precision == "float16" and device.type == "cpu":
        raise DeviceError("float16 is for GPUs, and the device is the CPU; take float32, bfloat16 or auto")
    dtype: torch.dtype = getattr(torch, precision)
    return dtype


def _inference_form(model: GIFNet, dtype: torch.dtype) -> tuple[Fusion, str]:
    """The fastest form for the model's device and a number format, and its name."""
    device = next(model.parameters()).device
    if dtype != torch.float32 and device.type == "cuda" and has_fast_bfloat16(device):
        missing = triton_parts().missing
        if missing is None:
            from gifnet.gpu.form import TritonForm

            return TritonForm(model, dtype), "triton"
        _log.warning(
            "the network runs in torch, slower than in Triton, since %s is missing; see `gifnet doctor`",
            missing,
        )
    return InferenceForm(model, dtype), "torch"


def _device(device: str | torch.device) -> torch.device:
    try:
        place = torch.device(device)
    except RuntimeError:
        raise DeviceError(f"device must be cpu, cuda or cuda:N, got {device!r}") from None
    if place.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "device cuda needs an NVIDIA GPU, its driver and a CUDA build of torch, and torch finds none; "
            "take --device cpu, or ask `gifnet doctor` what is missing"
        )
    return place
