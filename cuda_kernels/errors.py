"""Errors of the kernels."""


class KernelError(Exception):
    """Kernels that cannot be compiled or loaded: CuPy, its compiler or the driver is missing or too old.

    Its text is one sentence that says what to install or do; lines of a compiler may follow.
    """
