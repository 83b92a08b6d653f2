"""Docstrings, comments and help say what a thing is or does; none opens with a question word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from stream.cli import cli

ROOT = Path(__file__).parents[3]
FOLDERS = ["stream", "gifnet", "cuda_kernels", "benchmarks", "tests", "examples"]
QUESTIONS = {"What", "Which", "How", "Where", "Who", "Whether", "Whose", "When", "Why"}
# "When" and "Whether" may open a comment: it may name a condition.
RIDDLE = re.compile(r"\s*# (What|Which|How|Where|Who|Whose|Why) ")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_opens_with_a_question(folder: str) -> None:
    riddles = [
        f"{path.relative_to(ROOT)}:{node.body[0].lineno}"
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (ast.get_docstring(node) or "?").split()[0] in QUESTIONS
    ]
    assert not riddles


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_comment_opens_with_a_question(folder: str) -> None:
    riddles = []
    for path in (ROOT / folder).rglob("*.py"):
        lines = ["", *path.read_text(encoding="utf-8").splitlines()]
        # A line of a longer comment may open with any word.
        riddles += [
            f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(lines)
            if RIDDLE.match(line) and not lines[number - 1].lstrip().startswith("#")
        ]
    assert not riddles


def options(command: click.Command, name: str = "gifnet") -> Iterator[tuple[str, str]]:
    """Every option of a command and of those below it, as its name and its help."""
    for option in command.params:
        if isinstance(option, click.Option) and option.help:
            yield f"{name} {option.opts[-1]}", option.help
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            inner = command.get_command(context, word)
            assert inner is not None
            yield from options(inner, f"{name} {word}")


def test_no_option_is_explained_by_a_question() -> None:
    riddles = [name for name, text in options(cli) if text.split()[0] in QUESTIONS]
    assert not riddles
