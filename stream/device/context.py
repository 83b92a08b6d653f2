"""The device that computes, its streams and graphs; everything of the GPU has a CPU twin."""

from __future__ import annotations

import gc
from collections.abc import Callable
from copy import copy
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeAlias

import torch
from torch import Tensor

from cuda_kernels import cpu as host
from stream.config import Device
from stream.config.run import DEVICE_FORM
from stream.device.cuda_graph import CapturedGraph
from stream.device.errors import mapped_cuda_errors
from stream.device.streams import CudaEvent, CudaStream, Event, HostEvent, HostStream, Stream
from stream.errors import DeviceError
from stream.runtime.host_info import DRIVER_FILE, driver_version, text_of

if TYPE_CHECKING:
    from cuda_kernels.cuda.kernels import Kernels

Operations: TypeAlias = "ModuleType | Kernels"
Work = Callable[[], None]

LEAST_MEMORY_BYTES = 1 << 30
# Turing, of 2018: the oldest GPUs that the kernels are compiled for.
LEAST_CAPABILITY = (7, 5)


class DeviceContext(Protocol):
    """A device with its streams and memory; one for each run.

    Attributes:
        device: as torch names it.
        operations: array operations for its tensors: `cuda_kernels.reference`, or kernels of the same names.
        upload: stream of copies to the device.
        compute: stream of the computation.
        download: stream of copies to the host.
        has_graphs: work can be captured.
    """

    has_graphs: bool
    device: torch.device
    operations: Operations
    upload: Stream
    compute: Stream
    download: Stream

    def fork(self) -> DeviceContext:
        """The same device for one more pair: with a compute stream of its own, the rest is shared."""

    def new_event(self) -> Event:
        """An event that is not recorded yet; waiting for it returns at once."""

    def pinned_like(self, tensor: Tensor) -> Tensor:
        """Pinned memory of the host like a tensor of the device, for copies without help of the processor.

        On the host it is the tensor itself, so that nothing is copied.
        """

    def capture(self, work: Work) -> CapturedGraph | None:
        """The work as one graph, to be replayed in the compute stream; None where the device has no graphs.

        Every replay reads and writes the memory that the first run did. Nothing may be under way.
        """

    def drain(self) -> None:
        """Wait until all three streams have nothing left to do."""

    def release_unused(self) -> None:
        """Give memory that nothing refers to any more back to the device."""


class HostContext:
    """The CPU: all work is done when it is given."""

    has_graphs = False

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.operations: Operations = host
        self.upload: Stream = HostStream()
        self.compute: Stream = self.upload
        self.download: Stream = self.upload

    def fork(self) -> DeviceContext:
        """The CPU again."""
        return HostContext()

    def new_event(self) -> Event:
        """An event that is always past."""
        return HostEvent()

    def pinned_like(self, tensor: Tensor) -> Tensor:
        """The tensor itself."""
        return tensor

    def capture(self, work: Work) -> CapturedGraph | None:
        """Nothing: stages are called, and timed, one by one."""
        return None

    def drain(self) -> None:
        """Return at once: nothing is ever outstanding."""

    def release_unused(self) -> None:
        """Collect what only refers to itself."""
        gc.collect()


class CudaContext:
    """A GPU: three CUDA streams ordered by events, pinned memory, kernels, one captured graph a step."""

    has_graphs = True

    def __init__(self, device: torch.device) -> None:
        """Compile and load the kernels, and take the streams.

        Raises:
            DeviceError: the GPU is too old, CuPy is missing, a kernel does not compile, or too little memory
                is free.
        """
        from stream.device.kernels import load_kernels

        with mapped_cuda_errors():
            check_capability(torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device))
            check_memory(*torch.cuda.mem_get_info(device))
        self.device = device
        self.operations: Operations = load_kernels(device)
        self._compute = CudaStream(device)
        self.upload: Stream = CudaStream(device)
        self.compute: Stream = self._compute
        self.download: Stream = CudaStream(device)

    def fork(self) -> DeviceContext:
        """As `DeviceContext.fork`: captures need a stream of their own, copies of several pairs do not."""
        other = copy(self)
        other._compute = CudaStream(self.device)
        other.compute = other._compute
        return other

    def new_event(self) -> Event:
        """A CUDA event."""
        return CudaEvent()

    def pinned_like(self, tensor: Tensor) -> Tensor:
        """Pinned memory."""
        return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)

    def capture(self, work: Work) -> CapturedGraph | None:
        """The work as one CUDA graph, warmed up and captured on the compute stream itself."""
        return CapturedGraph(work, self._compute.stream)

    def drain(self) -> None:
        """Wait for the streams."""
        for stream in (self.upload, self.compute, self.download):
            stream.synchronize()

    def release_unused(self) -> None:
        """Collect what only refers to itself, then empty torch's cache of device memory."""
        gc.collect()
        torch.cuda.empty_cache()


def open_device(wanted: Device) -> DeviceContext:
    """The context of the device that `auto`, `cpu`, `cuda` or `cuda:N` means on this machine.

    Raises:
        DeviceError: `cuda` was asked for and cannot be had, or cannot be used.
    """
    chosen = choose_device(wanted)
    if chosen.type == "cuda":
        return CudaContext(chosen)
    return HostContext()


def choose_device(wanted: Device) -> torch.device:
    """The device that `auto`, `cpu`, `cuda` or `cuda:N` means on this machine; `cuda` is the first GPU.

    Raises:
        DeviceError: it is none of these, or a GPU was asked for and cannot be had.
    """
    if not DEVICE_FORM.fullmatch(wanted):
        raise DeviceError(f"device must be auto, cpu, cuda, or cuda:N such as cuda:1, got {wanted!r}")
    is_there = torch.cuda.is_available()
    if wanted.startswith("cuda") and not is_there:
        raise DeviceError(
            f"the device {wanted} was asked for, but {_missing()}; ask for the CPU with --device cpu, "
            "or let the program choose with --device auto"
        )
    if wanted == "cpu" or not is_there:
        return torch.device("cpu")
    index, count = int(wanted.partition(":")[2] or 0), torch.cuda.device_count()
    if index >= count:
        known = "one GPU, cuda:0" if count == 1 else f"{count} GPUs, cuda:0 to cuda:{count - 1}"
        raise DeviceError(
            f"the device {wanted} was asked for, and this machine has {known}; take one of these"
        )
    return torch.device("cuda", index)


def explain_device(wanted: Device, chosen: torch.device) -> str:
    """One phrase on why `chosen` is the device, for summaries and reports."""
    if wanted != "auto":
        return "as asked for"
    if chosen.type == "cuda":
        return f"CUDA is available: {torch.cuda.get_device_name(chosen)}"
    return _missing()


def check_capability(name: str, capability: tuple[int, int]) -> None:
    """Refuse a GPU that is too old for the kernels.

    Raises:
        DeviceError: says how old it may be and what to do.
    """
    if capability < LEAST_CAPABILITY:
        found, least = (".".join(map(str, each)) for each in (capability, LEAST_CAPABILITY))
        raise DeviceError(
            f"the GPU {name} has compute capability {found}, and at least {least} is needed (Turing, 2018); "
            "take another GPU by --device cuda:N, or --device cpu"
        )


def check_memory(free_bytes: int, total_bytes: int) -> None:
    """Refuse a GPU on which not even a small picture could be fused.

    Raises:
        DeviceError: says how much is free and what to do.
    """
    if free_bytes < LEAST_MEMORY_BYTES:
        raise DeviceError(
            f"the GPU has {free_bytes / 2**30:.1f} of {total_bytes / 2**30:.1f} GiB free, and at least "
            f"{LEAST_MEMORY_BYTES / 2**30:.0f} GiB are needed; end other programs on it, or take --device cpu"
        )


def _missing() -> str:
    if torch.version.cuda is None:
        return "this torch is built without CUDA"
    driver = driver_version(text_of(DRIVER_FILE))
    if driver is not None:
        return (
            f"the NVIDIA driver {driver} gives this torch for CUDA {torch.version.cuda} no GPU; update the "
            "driver, or let this process see the GPU"
        )
    return "torch finds no usable NVIDIA GPU and driver"
