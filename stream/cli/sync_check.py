"""`gifnet sync-check`: the offset between the clocks of two cameras, from what moves."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.help_groups import GroupedHelp
from stream.cli.logs import set_up_logs
from stream.cli.options import named_settings, setting_options
from stream.config import NAMES, FuseSettings, validate
from stream.config.environment import load_config
from stream.config.merge import overlay
from stream.errors import ConfigError, SyncError

if TYPE_CHECKING:
    from stream.sync_check.run import SyncCheck

_INPUTS = ["pair", *(name for name in NAMES if name.startswith(("visible_", "thermal_")))]


@click.command(cls=GroupedHelp)
@click.argument("visible", required=False)
@click.argument("thermal", required=False)
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Configuration file in YAML.")
@click.option("--write", is_flag=True, help="Write the offset into the configuration file.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=5),
    default=60.0,
    show_default=True,
    help="Seconds of the streams to look at.",
)
@click.option(
    "--largest-ms", type=click.FloatRange(min=50, max=60_000), default=2000.0, show_default=True,
    help="Largest offset to look for.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")
@setting_options(_INPUTS)
@click.pass_context
def sync_check(
    ctx: click.Context,
    /,
    visible: str | None,
    thermal: str | None,
    config: Path | None,
    write: bool,
    seconds: float,
    largest_ms: float,
    as_json: bool,
    **_: Any,
) -> None:
    """Find the offset between the clocks of VISIBLE and THERMAL, two live or recorded streams.

    Something has to move, at uneven speed, where both cameras see it: a warm hand will do.
    """
    from stream.files.yaml_edit import write_number
    from stream.runtime.clock import SystemClock
    from stream.runtime.signals import StopSignals
    from stream.sync_check.run import check_sync

    set_up_logs()
    if write and config is None:
        raise ConfigError("--write needs a configuration file to write to; name it by -c FILE")
    from_file = load_config(config) if config else {}
    # The duration of a run does not limit how long to look.
    known = FuseSettings.model_fields.keys() - {"duration_s"}
    allowed = {key: value for key, value in from_file.items() if key in known}
    settings = validate(
        FuseSettings, overlay(allowed, named_settings(ctx)), str(config or "the command line")
    )
    with StopSignals() as stop:
        found = check_sync(settings, seconds, largest_ms / 1000, SystemClock(), lambda: not stop.asked)
    estimate = found.estimate
    offset_ms = round(estimate.offset_ms, 1) + 0.0  # no -0.0
    click.echo(json.dumps(_plain(found), allow_nan=False) if as_json else _table(found))
    if estimate.doubt:
        raise SyncError(f"the offset is not certain: {estimate.doubt}")
    if write and config is not None:
        write_number(config, "pairing", "offset_ms", offset_ms)
        click.echo(f"gifnet: pairing.offset_ms in {config} is now {offset_ms:.1f}", err=True)
    elif not as_json:
        click.echo(f"pass --offset-ms {offset_ms:.1f}, or write it to a file by -c FILE --write")


def _plain(found: SyncCheck) -> dict[str, Any]:
    """The result as JSON values: unknown and infinite numbers become null."""
    numbers = asdict(found.estimate)
    if not isfinite(numbers["uncertainty_ms"]):
        numbers |= {"offset_ms": None, "uncertainty_ms": None}
    return numbers | _streams(found)


def _streams(found: SyncCheck) -> dict[str, Any]:
    sides = {"visible": found.visible, "thermal": found.thermal}
    return {
        side: {"frames": len(motion.stamps_s), "rate": motion.rate, "jitter_ms": motion.jitter_ms}
        for side, motion in sides.items()
    }


def _table(found: SyncCheck) -> str:
    estimate, lines = found.estimate, []
    for side, stream in _streams(found).items():
        lines.append(
            f"{side:10}{stream['frames']} frames, {stream['rate']:.2f} a second, "
            f"jitter {stream['jitter_ms']:.1f} ms"
        )
    if isfinite(estimate.uncertainty_ms):
        lines.append(f"{'offset':10}{estimate.offset_ms:.1f} ms, give or take {estimate.uncertainty_ms:.1f}")
    if estimate.doubt is None:
        drift = "not known, the recording is too short"
        if estimate.drift_ppm is not None:
            drift = f"{estimate.drift_ppm:.0f} ppm, give or take {estimate.drift_uncertainty_ppm:.0f}"
        lines.append(f"{'drift':10}{drift}")
    if estimate.likeness:
        lines.append(f"{'sure':10}{100 * estimate.confidence:.0f} %, likeness {estimate.likeness:.2f}")
    return "\n".join(lines)
