"""`gifnet calibrate`: how the thermal picture comes onto the visible one."""

from __future__ import annotations

import importlib

import click

# Name -> module and attribute, and a summary, so that the help imports nothing.
COMMANDS: dict[str, tuple[str, str]] = {
    "board": ("stream.cli.calibrate.board:board", "from pictures of a board that both cameras see"),
    "scene": ("stream.cli.calibrate.scene:scene", "from an ordinary recording, without a board"),
    "points": ("stream.cli.calibrate.points:points", "from points that you pick on a page"),
    "check": ("stream.cli.calibrate.check:check", "measure how well a calibration fits a recording"),
}


class Ways(click.Group):
    """A click group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing anything."""
        with formatter.section("Ways"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=Ways)
def calibrate() -> None:
    """Make or check a calibration file of two cameras."""
