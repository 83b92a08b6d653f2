"""From an exception to one sentence on standard error and an exit status."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from typing import NoReturn

import click

from stream.cli.logs import are_json
from stream.errors import GifnetError, LossError
from stream.monitoring.report import describe_error
from stream.runtime.signals import Stopped
from stream.uri import mask_text

USAGE_STATUS = 2
LOSS_STATUS = 3
_SIGNAL_STATUS = 128

_log = logging.getLogger(__name__)


def leave(error: BaseException, debug: bool) -> NoReturn:
    """Say what happened and exit."""
    if isinstance(error, SystemExit):
        raise error
    if isinstance(error, click.exceptions.Exit):
        sys.exit(error.exit_code)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        sys.exit(USAGE_STATUS)
    if debug and not isinstance(error, click.ClickException):
        click.echo(mask_text("".join(traceback.format_exception(error))), err=True, nl=False)
    if isinstance(error, BrokenPipeError):
        _forget_standard_output()
        sys.exit(_SIGNAL_STATUS + signal.SIGPIPE)
    sentence, status = explain(error)
    if are_json():
        _log.error("%s", sentence, extra={"status": status})
    else:
        click.echo(f"gifnet: {sentence}", err=True)
    sys.exit(status)


def explain(error: BaseException) -> tuple[str, int]:
    """One sentence, without secrets of URIs in it, and the exit status for an exception."""
    sentence, status = _explain(error)
    return mask_text(sentence), status


def _explain(error: BaseException) -> tuple[str, int]:
    if isinstance(error, GifnetError):
        return describe_error(error), LOSS_STATUS if isinstance(error, LossError) else 1
    if isinstance(error, Stopped):
        return describe_error(error), _SIGNAL_STATUS + error.signal
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted", _SIGNAL_STATUS + signal.SIGINT
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "gifnet"
        return f"{error.format_message().rstrip('.')}; see `{where} --help`", USAGE_STATUS
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    return _of_library(error), 1


def _of_library(error: BaseException) -> str:
    """A sentence for errors of Python and the libraries; any other is reported as a bug of this program."""
    kind, module = type(error).__name__, type(error).__module__
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError":
        return "there is not enough memory for frames of this size; try smaller frames or another device"
    if module.startswith("av."):
        return f"the video library failed: {getattr(error, 'strerror', None) or error}"
    if module.startswith("cv2"):
        return f"the image library failed: {str(error).strip().splitlines()[-1]}"
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return f"a mistake in this program: {kind}: {error}; --debug shows where"


def _forget_standard_output() -> None:
    """The reader of our output is gone; keep Python from writing to it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
