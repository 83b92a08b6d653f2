"""Which device computes, and how its work is ordered; everything of the GPU has a CPU twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeAlias

import torch
from torch import Tensor

from cuda_kernels import cpu as host
from stream.config import Device
from stream.device.cuda_graph import CapturedGraph
from stream.errors import DeviceError

if TYPE_CHECKING:
    from cuda_kernels.cuda.kernels import Kernels

Operations: TypeAlias = "ModuleType | Kernels"
Work = Callable[[], None]

LEAST_MEMORY_BYTES = 1 << 30


class Event(Protocol):
    """A point in a lane's work that others can wait for."""

    def wait(self) -> None:
        """Hold the calling thread until the lane has come past the point."""


class Stream(Protocol):
    """A queue of device work that is done in order; lanes run beside each other."""

    def after(self, *marks: Event) -> AbstractContextManager[None]:
        """Work given in the block joins this lane and starts only after the marks."""

    def mark(self, mark: Event) -> None:
        """Set a mark behind all that the lane has been given."""


class DeviceContext(Protocol):
    """A device and what is needed to use it; one a run.

    Attributes:
        device: as torch names it.
        operations: array operations for its tensors: `cuda_kernels.reference`, or kernels of the same names.
        upload: lane of copies to the device.
        compute: lane of the computation.
        download: lane of copies to the host.
    """

    device: torch.device
    operations: Operations
    upload: Stream
    compute: Stream
    download: Stream

    def new_event(self) -> Event:
        """A mark that is not set yet; waiting for it returns at once."""

    def pinned_like(self, tensor: Tensor) -> Tensor:
        """Memory of the host like a tensor of the device, between which copies need no help of the processor.

        On the host it is the tensor itself, so that nothing is copied.
        """

    def prepare(self, work: Work) -> Work | None:
        """The work as one step of the device, to be called in the compute lane; None where there is no such.

        Every call reads and writes the memory that the first one did.
        """


class HostContext:
    """The CPU: all work is done when it is given."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.operations: Operations = host
        self.upload: Stream = _HostStream()
        self.compute: Stream = self.upload
        self.download: Stream = self.upload

    def new_event(self) -> Event:
        """Always set."""
        return _HostEvent()

    def pinned_like(self, tensor: Tensor) -> Tensor:
        """The tensor itself."""
        return tensor

    def prepare(self, work: Work) -> Work | None:
        """Nothing: stages are called, and timed, one by one."""
        return None


class CudaContext:
    """A GPU: three CUDA streams ordered by events, pinned memory, kernels, one captured graph a step."""

    def __init__(self, device: torch.device) -> None:
        """Compile and load the kernels.

        Raises:
            DeviceError: CuPy is missing, a kernel does not compile, or too little memory is free.
        """
        from stream.device.kernels import load_kernels

        check_memory(*torch.cuda.mem_get_info(device))
        self.device = device
        self.operations: Operations = load_kernels(device)
        self.upload: Stream = _CudaStream(device)
        self.compute: Stream = _CudaStream(device)
        self.download: Stream = _CudaStream(device)

    def new_event(self) -> Event:
        """A CUDA event."""
        return _CudaEvent()

    def pinned_like(self, tensor: Tensor) -> Tensor:
        """Pinned memory."""
        return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)

    def prepare(self, work: Work) -> Work | None:
        """The work, captured as one CUDA graph."""
        return CapturedGraph(work, self.device).replay


def open_device(wanted: Device) -> DeviceContext:
    """The context of the device that `auto`, `cpu` or `cuda` means on this machine.

    Raises:
        DeviceError: `cuda` was asked for and cannot be had, or cannot be used.
    """
    chosen = choose_device(wanted)
    if chosen.type == "cuda":
        return CudaContext(chosen)
    return HostContext()


def choose_device(wanted: Device) -> torch.device:
    """The device that `auto`, `cpu` or `cuda` means on this machine.

    Raises:
        DeviceError: `cuda` was asked for and cannot be had.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            f"the device cuda was asked for, but {_missing()}; ask for the CPU with --device cpu, "
            "or let the program choose with --device auto"
        )
    use_cuda = wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available())
    return torch.device("cuda", 0) if use_cuda else torch.device("cpu")


def explain_device(wanted: Device, chosen: torch.device) -> str:
    """One phrase on why `chosen` is the device, for summaries and reports."""
    if wanted != "auto":
        return "as asked for"
    if chosen.type == "cuda":
        return f"CUDA is available: {torch.cuda.get_device_name(chosen)}"
    return _missing()


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
    return "torch finds no usable NVIDIA GPU and driver"


class _HostEvent:
    def wait(self) -> None:
        """Nothing is ever outstanding."""


class _HostStream:
    def after(self, *marks: Event) -> AbstractContextManager[None]:
        return nullcontext()

    def mark(self, mark: Event) -> None:
        """Nothing is ever outstanding."""


class _CudaEvent:
    def __init__(self) -> None:
        # A blocking event lets the waiting thread sleep, where it would otherwise burn a core.
        self.event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # torch has no types here

    def wait(self) -> None:
        self.event.synchronize()


class _CudaStream:
    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch has no types here

    @contextmanager
    def after(self, *marks: Event) -> Iterator[None]:
        for mark in marks:
            assert isinstance(mark, _CudaEvent)
            self._stream.wait_event(mark.event)
        with torch.cuda.stream(self._stream):
            yield

    def mark(self, mark: Event) -> None:
        assert isinstance(mark, _CudaEvent)
        mark.event.record(self._stream)
