"""Every `gifnet` command of README and documentation parses; those that need no camera run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from stream.cli import cli
from stream.cli.run import run
from stream.registration.calibration import one_grid, save_calibration
from tests.helpers.media import write_video

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BEGIN = re.compile(r"^(?:    |\t)*(?:\.venv/bin/)?(gifnet (?!:).*)$")
# Dots stand for what the reader knows.
LEFT_OUT = re.compile(r"\.\.\.|…")
SIZE = (64, 48)
# Reasons why a command of `gifnet run` is parsed and not run here.
NOT_RUN = {
    "needs a GPU": re.compile(r"--device cuda"),
    "needs a file of settings that another page makes": re.compile(r" -c "),
    "needs cameras, servers, subscribers or what only a camera writes": re.compile(
        r"://|VISIBLE|\?track|\?crop|thermal/|rtsp|LEFT"
    ),
    "would serve until it is stopped": re.compile(r"--preview"),
    "has its own test": re.compile(r"--detect|--print-config|--takeover"),
}


def commands(page: Path) -> list[str]:
    """Commands of a page, continued lines joined, without comments and what stands behind a pipe."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        match = BEGIN.match(line)
        if match is not None and match[1].split()[1] not in ("pairs",):
            plain = re.split(r"\s+#\s|\s&&\s|\s\|\s|\s>\s", match[1])[0]
            found += [" ".join(plain.split())]
    return found


def spans(page: Path) -> list[str]:
    """Commands within the sentences of a page, often without their arguments."""
    text = " ".join(page.read_text(encoding="utf-8").split())
    found = re.findall(r"`(gifnet [a-z][^`]*)`", text)
    return [span for span in found if not re.search(r"\.\.\.|…| / |\{|--help", span)]


ALL = [(page.relative_to(ROOT), words) for page in PAGES for words in commands(page)]


def parse(words: list[str]) -> None:
    """Find the command and let it take its words; nothing is done."""
    command: click.Command | None = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"there is no command {name}"
        context = click.Context(command, parent=context, info_name=name)
    if isinstance(command, click.Group):  # a name in a sentence
        return
    assert command is not None
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_commands_of_a_page_parse(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = [words for name, words in ALL if str(name) == page and not LEFT_OUT.search(words)]
    for words in (*whole, *spans(ROOT / page)):
        try:
            parse(shlex.split(words)[1:])
        except click.ClickException as error:
            lacks = isinstance(error, click.MissingParameter) or "requires an argument" in error.message
            if words in whole or not lacks:
                pytest.fail(f"{words}: {error.format_message()}")


def test_commands_that_need_no_camera_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("visible.mp4", "thermal.mp4", "thermal.mkv", "left.mp4", "right.mp4"):
        # One picture a second, so that what begins after a minute and a half is there.
        frames = [np.full((*SIZE[::-1], 3), 2 * number, np.uint8) for number in range(100)]
        write_video(tmp_path / name, frames, rate=1)
    for name in ("pair.yaml", "front.yaml"):
        save_calibration(one_grid(SIZE), tmp_path / name)
    left = [words for _, words in ALL if words.startswith("gifnet run ") and not LEFT_OUT.search(words)]
    left = [words for words in left if not any(reason.search(words) for reason in NOT_RUN.values())]
    assert len(left) >= 6
    for words in left:
        quick = [*shlex.split(words)[2:], "--device", "cpu", "--model", "null", "--frames", "2", "-q"]
        done = CliRunner().invoke(run, quick)
        assert done.exit_code == 0, f"{words}: {done.output} {done.exception}"
