"""Errors of GPU libraries, in one sentence each: the only file that knows their exceptions and messages.

Exceptions are recognised by the names of their types and modules, so that no library is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stream.errors import DeviceError, GifnetError

_LIBRARIES = ("torch", "cupy", "cupy_backends", "triton")
# Words of torch's plain RuntimeErrors that come from the device.
_CUDA_WORDS = ("cuda", "cublas", "cudnn", "nvrtc", "triton", "c compiler")

_FROM_THE_START = "; run again, and take --device cpu if it comes back"
# Words in an error, in lower case -> the sentence; the first line that fits holds.
_SENTENCES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("out of memory", "memoryallocation", "alloc_failed", "error_out_of_memory"),
        "the GPU has too little memory left; end other programs on it, take smaller pictures or a smaller "
        "--batch, or ask for --device cpu",
    ),
    (
        ("insufficient for cuda runtime", "insufficientdriver", "driver version is insufficient"),
        "the NVIDIA driver is older than the installed torch or CuPy needs; update the driver, or ask for "
        "--device cpu",
    ),
    (
        ("no kernel image", "nokernelimagefordevice", "unsupported ptx", "unsupportedptxversion"),
        "the installed torch or CuPy holds no code for this GPU; install builds that support it, or ask for "
        "--device cpu",
    ),
    (
        ("no cuda-capable device", "no cuda gpus", "nodevice", "no nvidia driver"),
        "no NVIDIA GPU can be used; let this process see one, or ask for --device cpu",
    ),
    (
        ("busy or unavailable", "devicesunavailable", "device unavailable"),
        "the GPU is reserved by another program; end that program, take another GPU, or ask for --device cpu",
    ),
    (
        (
            "ecc error",
            "has fallen off the bus",
            "devicelost",
            "hardware stack error",
            "system not yet initialized",
        ),
        "the GPU or its driver has failed; see what nvidia-smi says and restart the machine if need be",
    ),
    (
        ("illegal memory access", "illegaladdress", "misaligned address", "misalignedaddress"),
        "a computation on the GPU read or wrote memory that is not its own, and the GPU cannot be used by "
        "this process any more" + _FROM_THE_START,
    ),
    (
        ("launch failure", "launchfailure", "device-side assert", "launch timed out", "launchtimeout"),
        "a computation on the GPU broke off, and the GPU cannot be used by this process any more"
        + _FROM_THE_START,
    ),
    (
        ("outofresources", "compilationerror", "c compiler", "ptxas"),
        "Triton could not compile the network for this GPU; ask for --precision float32, which does without "
        "Triton, and see `gifnet doctor`",
    ),
    (
        ("operation not permitted when stream is capturing", "streamcapture"),
        "the work of a frame could not be recorded as a CUDA graph" + _FROM_THE_START,
    ),
)


def explain_cuda_error(error: BaseException) -> str | None:
    """One sentence for an exception of torch, CuPy, Triton or CUDA; None for every other exception.

    A `GifnetError` says its own sentence already, so that the answer for it is None too.
    """
    if isinstance(error, GifnetError) or not _is_of_device(error):
        return None
    text = f"{type(error).__name__} {error}".lower()
    for words, sentence in _SENTENCES:
        if any(word in text for word in words):
            return sentence
    first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return f"the GPU reported an error: {first_line}{_FROM_THE_START}"


@contextmanager
def mapped_cuda_errors() -> Iterator[None]:
    """Turn errors of GPU libraries inside the `with` block into `DeviceError`; others pass as they are.

    Raises:
        DeviceError: with the sentence of `explain_cuda_error`, and the original error as its cause.
    """
    try:
        yield
    except Exception as error:
        sentence = explain_cuda_error(error)
        if sentence is None:
            raise
        raise DeviceError(sentence) from error


def _is_of_device(error: BaseException) -> bool:
    kind = type(error)
    # torch.OutOfMemoryError and torch.AcceleratorError say little of themselves in `__module__`.
    if kind.__name__ in ("OutOfMemoryError", "AcceleratorError"):
        return True
    if kind.__module__.split(".")[0] in _LIBRARIES:
        return True
    text = str(error).lower()
    return kind is RuntimeError and any(word in text for word in _CUDA_WORDS)
