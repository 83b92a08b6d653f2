"""The `gifnet` command: a table of contents whose chapters load when they are called."""

from __future__ import annotations

import atexit
import importlib
import os
import signal
import sys
import threading
from contextlib import suppress

import click

from stream.cli.own_arguments import hide_secrets
from stream.runtime.cpu_threads import wait_passively
from stream.runtime.heap import keep_heap
from stream.runtime.quiet import keep_standard_error
from stream.runtime.standard_streams import secure_standard_streams

# Name -> (module:attribute, one line for the table of contents). Modules load only when called, so that
# `gifnet --help` does not wait for torch.
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Fuse": {
        "setup": ("stream.cli.calibrate.setup:setup", "Go from two sources to a file that runs."),
        "run": ("stream.cli.run:run", "Fuse two streams of frames into one."),
        "images": ("stream.cli.images:images", "Fuse two pictures, or two folders of pictures."),
        "batch": ("stream.cli.batch.command:batch", "Fuse many recorded pairs, here or on a Ray cluster."),
        "fleet": (
            "stream.cli.fleet.command:fleet",
            "Many live pairs, on a Ray cluster or by systemd.",
        ),
        "demo": ("stream.cli.demo:demo", "Fuse a generated night street and look at it."),
    },
    "Cameras": {
        "probe": ("stream.cli.probe.command:probe", "Tell what is in a file, folder or camera."),
        "sync-check": ("stream.cli.sync_check:sync_check", "Find the offset between two cameras' clocks."),
        "calibrate": ("stream.cli.calibrate:calibrate", "Find how one camera lies on the other."),
        "record": ("stream.cli.record:record", "Record two live cameras exactly as they come."),
        "replay": ("stream.cli.record:replay", "Fuse a recording of two cameras again."),
    },
    "Consume": {
        "listen": ("stream.cli.listen:listen", "Show or save a published stream."),
        "keys": ("stream.cli.listen:keys", "Make keys for an encrypted publisher and its clients."),
    },
    "Network": {
        "weights": ("stream.cli.weights:weights", "List, import, verify and fetch weights."),
        "train": ("stream.cli.train:train", "Train GIFNet from image pairs."),
        "eval": ("stream.cli.eval:evaluate", "Measure fused pictures and videos against their sources."),
        "export": ("stream.cli.export:export", "Write a network as ONNX or for OpenVINO."),
        "scenes": ("stream.cli.scenes:scenes", "Write generated pairs with known truth to a folder."),
    },
    "Machine": {
        "bench": ("stream.cli.bench:bench", "Measure how fast this machine fuses."),
        "doctor": ("stream.cli.doctor:doctor", "Tell what this machine can do and what it lacks."),
    },
}


class TableOfContents(click.Group):
    """A click group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names, in the order of the table."""
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        for group in COMMANDS.values():
            if cmd_name in group:
                module, attribute = group[cmd_name][0].split(":")
                command: click.Command = getattr(importlib.import_module(module), attribute)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table of contents without importing anything."""
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, summary) for name, (_, summary) in group.items()])


@click.group(cls=TableOfContents, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gifnet-stream", prog_name="gifnet")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors; may stand anywhere on the line.")
def cli(debug: bool) -> None:
    """One picture from an RGB and a thermal camera."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error becomes one sentence and an exit status."""
    wait_passively()
    words = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        keep_heap()
        hide_secrets()
        sys.unraisablehook = _interrupt_again
        secure_standard_streams()
    # Outside the command itself, the caller decides what Ctrl-C does.
    debug = words != _without_debug(words)
    if arguments is None and not debug:
        keep_standard_error()
    answers_interrupts = arguments is None and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    status: object = 0
    try:
        status = cli.main(args=_without_debug(words), prog_name="gifnet", standalone_mode=False)
    except BaseException as error:
        if answers_interrupts:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a sentence is all that is left to do
        from stream.cli.failure import leave

        leave(error, debug)
    finally:
        if answers_interrupts:
            # All is closed; during the interpreter's own clean-up, Python's handler prints a traceback.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if arguments is None:
            ended = sys.exc_info()[1]
            atexit.register(_leave_threads_behind, ended.code if isinstance(ended, SystemExit) else status)
    sys.exit(status if isinstance(status, int) else 0)


def _leave_threads_behind(status: object) -> None:
    """End at once where a thread is stuck inside a library: the interpreter's clean-up would abort there."""
    main = threading.main_thread()
    if any(thread is not main and thread.is_alive() for thread in threading.enumerate()):
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 0)


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """A Ctrl-C that came in a destructor or a callback, where nothing can be raised, comes once more."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    else:
        sys.__unraisablehook__(unraisable)


def _without_debug(words: list[str]) -> list[str]:
    """The line without `--debug`; after a lone `--` every word is a name."""
    end = words.index("--") if "--" in words else len(words)
    return [word for word in words[:end] if word != "--debug"] + words[end:]
