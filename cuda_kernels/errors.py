"""Errors of the kernels; `stream.errors` draws the whole tree."""

from gifnet.errors import DeviceError


class KernelError(DeviceError):
    """Kernels that cannot be compiled or loaded: CuPy, its compiler or the driver is missing or too old."""
