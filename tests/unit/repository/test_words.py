"""Docstrings say what a thing is or does; none opens with a question word."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
QUESTIONS = {"What", "Which", "How", "Where", "Who", "Whether", "Whose", "When", "Why"}


@pytest.mark.parametrize("folder", ["stream", "gifnet", "cuda_kernels", "benchmarks", "tests"])
def test_no_docstring_opens_with_a_question(folder: str) -> None:
    riddles = [
        f"{path.relative_to(ROOT)}:{node.body[0].lineno}"
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (ast.get_docstring(node) or "?").split()[0] in QUESTIONS
    ]
    assert not riddles
