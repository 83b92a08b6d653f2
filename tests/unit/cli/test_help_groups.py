"""Help of `gifnet run`: what matters first, everything on request."""

from __future__ import annotations

import re

import click
from click.testing import CliRunner

from stream.cli import cli
from stream.cli.calibrate.setup import setup
from stream.cli.help_groups import FIRST, HEADINGS
from stream.cli.run import run
from stream.config import NAMES


def test_first_options_are_grouped_and_the_rest_is_counted() -> None:
    shown = CliRunner().invoke(run, ["--help"]).output
    assert "--calibration" in shown and "--gain-plateau" not in shown and "[VISIBLE]\n" not in shown
    assert f"{len(set(NAMES) - set(FIRST))} more options: gifnet run --help-all" in shown


def test_every_option_stands_in_the_long_help_once() -> None:
    shown = CliRunner().invoke(run, ["--help-all"], terminal_width=100).output
    missing = [
        option.opts[-1]
        for option in run.params
        if isinstance(option, click.Option) and not re.search(rf"(^|[ ,/]){option.opts[-1]}\b", shown, re.M)
    ]
    assert not missing
    assert all(f"{heading}:" in shown for heading in set(HEADINGS.values()))


def test_commands_that_take_two_inputs_show_their_own_options_first() -> None:
    shown = CliRunner().invoke(setup, ["--help"]).output
    assert shown.index("--by-hand") < shown.index("Pairing:") < shown.index("more options: gifnet setup")
    assert "--thermal-layout" not in shown and len(shown.splitlines()) < 60
    assert "--thermal-layout" in CliRunner().invoke(setup, ["--help-all"]).output


def test_a_command_of_a_group_is_named_whole_and_keeps_its_own_options_apart() -> None:
    shown = CliRunner().invoke(cli, ["calibrate", "board", "--help"]).output
    assert "more options: gifnet calibrate board --help-all" in shown
    assert "--model [stereo|homography]" in shown.partition("Pairing:")[0]


def test_first_options_exist() -> None:
    assert set(FIRST) <= {option.name for option in run.params}
