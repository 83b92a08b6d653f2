"""Options of outputs belong to the output before which they stand."""

from __future__ import annotations

from pathlib import Path

import yaml
from click.testing import CliRunner

from stream.cli.run import run


def outputs(*words: str) -> list[tuple[str, str, int | None]]:
    """Address, view and quality of the outputs of a command line."""
    done = CliRunner().invoke(run, ["a.mp4", "b.mp4", *words, "--print-config"])
    assert done.exit_code == 0, done.output
    found = yaml.safe_load(done.output)["outputs"]
    return [(each["uri"], each["view"], each["quality"]) for each in found]


def test_an_option_belongs_to_the_output_behind_it() -> None:
    words = (
        "--view",
        "visible",
        "-o",
        "v.mp4",
        "--view",
        "thermal",
        "--quality",
        "30",
        "-o",
        "t.mp4",
        "-o",
        "f.mp4",
    )
    assert outputs(*words) == [("v.mp4", "visible", None), ("t.mp4", "thermal", 30), ("f.mp4", "fused", None)]


def test_behind_a_single_output_it_is_its_own() -> None:
    assert outputs("-o", "v.mp4", "--view", "visible") == [("v.mp4", "visible", None)]


def test_it_holds_for_all_outputs_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("outputs: [{uri: v.mp4}, {uri: w.mp4, view: thermal}]")
    words = ("-c", str(tmp_path / "run.yaml"), "--view", "visible")
    assert outputs(*words) == [("v.mp4", "visible", None), ("w.mp4", "visible", None)]


def test_it_is_told_where_it_came_from() -> None:
    done = CliRunner().invoke(
        run, ["a", "b", "--view", "visible", "-o", "v.mp4", "-o", "f.mp4", "--print-config"]
    )
    lines = [line.split() for line in done.output.splitlines() if " view:" in line]
    assert lines == [
        ["view:", "visible", "#", "command", "line"],
        ["view:", "fused", "#", "default"],
    ]


def test_behind_several_outputs_it_is_refused() -> None:
    done = CliRunner().invoke(run, ["a.mp4", "b.mp4", "-o", "v.mp4", "-o", "f.mp4", "--view", "visible"])
    assert done.exit_code == 2
    assert (
        "--view stands behind the last of 2 outputs; options of an output stand before its -o" in done.output
    )
