"""Help in groups: the options that matter first, all of them on request."""

from __future__ import annotations

from typing import Any

import click

from stream.cli.options import SettingOption
from stream.cli.per_output import OutputOptions
from stream.config import NAMES

# Section of the settings -> its heading.
HEADINGS = {
    "outputs": "Outputs (an option belongs to the -o before which it stands)",
    "fusion": "Network",
    "pairing": "Pairing",
    "live": "Live cameras",
    "registration": "Registration",
    "gain": "Thermal counts to grey",
    "excerpt": "Part of a recording",
    "visible": "Visible input",
    "thermal": "Thermal input",
    "detection": "Detection",
    "preview": "Page",
    "metrics": "Metrics and control",
    "control": "Metrics and control",
}
OTHER = "Options"
# Options that most runs need; the others are in --help-all.
FIRST = (
    "pair", "output", "view", "model", "weights", "device", "calibration", "distance_m", "tolerance_ms",
    "offset_ms", "unpaired", "gain", "polarity", "encoder", "quality", "segment_s", "detect", "preview",
    "duration_s", "report", "start", "frames", "every", "scale",
    "config", "print_config", "quiet", "verbose",
)  # fmt: skip


class GroupedHelp(OutputOptions):
    """A command whose `--help` shows its own options and those settings of `FIRST`, and `--help-all` all."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params.append(
            click.Option(
                ["--help-all"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=self._show_all,
                help="Show every option and exit.",
            )
        )

    @staticmethod
    def _show_all(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
        if not wanted or ctx.resilient_parsing:
            return
        ctx.meta["help_all"] = True
        click.echo(ctx.get_help())
        ctx.exit()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write options under their headings."""
        shows_all = ctx.meta.get("help_all", False)
        headings = dict(HEADINGS)
        order = [*headings.values(), OTHER]
        if not any(option.name == "output" and isinstance(option, SettingOption) for option in self.params):
            # Without outputs to configure, the command's own options come first.
            headings["outputs"] = OTHER
            order = [OTHER, *headings.values()]
        groups: dict[str, list[tuple[str, str]]] = {heading: [] for heading in order}
        hidden = 0
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is None or not isinstance(option, click.Option):
                continue
            if not isinstance(option, SettingOption):
                groups[OTHER].append(record)
            elif shows_all or option.name in FIRST:
                groups[headings.get(NAMES[option.name].split(".")[0], OTHER)].append(record)
            else:
                hidden += 1
        for heading, records in groups.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
        if hidden:
            formatter.write_paragraph()
            command = " ".join(ctx.command_path.split()[1:]) or ctx.info_name
            formatter.write_text(f"{hidden} more options: gifnet {command} --help-all")
