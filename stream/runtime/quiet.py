"""Keeps libraries from printing: errors are reported by gifnet, in one sentence."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings

from stream.runtime.standard_streams import LossyText

# SVT-AV1 prints its settings otherwise; 0 leaves fatal errors alone.
_ENVIRONMENT = {"SVT_LOG": "0", "OPENCV_LOG_LEVEL": "SILENT"}


def silence_libraries() -> None:
    """Switch off the messages of OpenCV and SVT-AV1 in this process, unless the environment states them."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    opencv = sys.modules.get("cv2")
    if opencv is not None and os.environ["OPENCV_LOG_LEVEL"] == _ENVIRONMENT["OPENCV_LOG_LEVEL"]:
        opencv.utils.logging.setLogLevel(opencv.utils.logging.LOG_LEVEL_SILENT)


def keep_standard_error() -> None:
    """Keep standard error for Python's own writers, for the rest of the process.

    libjpeg, libpng, libtiff and encoders write to file descriptor 2 even if told not to; it leads nowhere
    after this, and `sys.stderr` to where it led before, without ever stopping a run (`LossyText`).
    Warnings of Python packages are ignored unless `-W` or PYTHONWARNINGS asks for them.
    """
    silence_libraries()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    # Without a standard error, or with one that is not descriptor 2, there is nothing to keep.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if sys.stderr.fileno() != 2:
            return
        sys.stderr.flush()
        own = LossyText(os.dup(2))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        sys.stderr = own


def error_output() -> int | None:
    """The descriptor for what the user's own commands say; None where standard error has none of its own."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return None
