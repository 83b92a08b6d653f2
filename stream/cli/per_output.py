"""Options of outputs: each belongs to the output before which it stands, as in ffmpeg."""

from __future__ import annotations

from typing import Any

import click

from stream.cli.options import OF_OUTPUTS

# Key of `ctx.meta`: names of the options of outputs, and `output`, in the order of the command line.
ORDER = "gifnet.order_of_outputs"


class OutputOptions(click.Command):
    """A command that notes the order in which its outputs and their options stand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note the order, then parse as ever."""
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta[ORDER] = [each.name for each in order if each.name in ("output", *OF_OUTPUTS)]
        return super().parse_args(ctx, args)


def by_output(named: dict[str, Any], order: list[str]) -> dict[str, Any]:
    """Settings by name, with options of outputs moved to their outputs.

    Args:
        named: settings as `named_settings` gives them; each option of outputs has a list of values.
        order: names of outputs and their options in the order of the command line.

    Returns:
        The same, where `output` is a list of mappings. Without an output on the command line, options hold
        for all outputs of the configuration file; behind a single output they are its own.

    Raises:
        click.UsageError: options stand behind the last of several outputs.
    """
    rest = {name: value for name, value in named.items() if name not in OF_OUTPUTS}
    values = {name: iter(named[name]) for name in ("output", *OF_OUTPUTS) if name in named}
    outputs: list[dict[str, Any]] = []
    waiting: dict[str, Any] = {}
    for name in order:
        waiting["uri" if name == "output" else name] = next(values[name])
        if name == "output":
            outputs.append(waiting)
            waiting = {}
    if not outputs:
        return rest | waiting
    if waiting and len(outputs) > 1:
        flags = " and ".join("--" + name.replace("_", "-") for name in waiting)
        raise click.UsageError(
            f"{flags} stands behind the last of {len(outputs)} outputs; options of an output stand before "
            f"its -o, as in {flags.partition(' ')[0]} ... -o {outputs[-1]['uri']}"
        )
    outputs[-1] |= waiting
    return rest | {"output": outputs}
