"""Imports go from a room of `stream/` to rooms below it, never up and never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("stream", "gifnet", "cuda_kernels")
# From the commands down to what everything uses; rooms of one line do not import each other.
# docs/architecture.md shows the same list.
LAYERS = [
    {"cli"},
    {"setup"},
    {"batch", "calibrate", "fleet"},
    {"pipeline"},
    {"bench", "web", "doctor", "sync_check", "stills", "quality"},
    {"monitoring"},
    {"fusion"},
    {"sinks"},
    {"detection"},
    {"live"},
    {"pairing"},
    {"sources"},
    {"recording"},
    {"thermal"},
    {"registration"},
    {"device", "client", "cluster", "files", "render", "yuv"},
    {"zeromq"},
    {"config"},
    {"synthetic"},
    {"runtime"},
    {"frame", "picture_size"},
    {"errors", "picture", "radiometry", "uri"},
]
RANK = {room: rank for rank, layer in enumerate(LAYERS) for room in layer}
MOST_MODULES = 24


def modules() -> dict[str, Path]:
    """Dotted name and file of every module."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(tree: ast.Module, lazy: bool) -> Iterator[str]:
    """Modules of ours that a file imports; `lazy` adds imports inside functions, for types never."""
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazy:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module
        nodes += ast.iter_child_nodes(node)


@cache
def imported(name: str, lazy: bool) -> frozenset[str]:
    """Modules of ours that a module imports."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    return frozenset(each for each in imports(tree, lazy) if each in MODULES)


def room(name: str) -> str:
    """Room of a module of `stream`; empty for the package's own face."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_every_room_has_its_layer() -> None:
    rooms = {room(name) for name in MODULES if name.startswith("stream.")} - {"__main__"}
    assert rooms == set(RANK)


def test_imports_go_down() -> None:
    up = [
        f"{name} imports {other}"
        for name in MODULES
        if room(name) in RANK and name.startswith("stream.")
        for other in sorted(imported(name, lazy=True))
        if other.startswith("stream.") and room(other) in RANK and room(other) != room(name)
        if RANK[room(other)] <= RANK[room(name)]
    ]
    assert not up, "\n".join(up)


def test_nothing_imports_in_a_circle() -> None:
    done: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for other in sorted(imported(name, lazy=False)):
            visit(other)
        path.pop()
        done.add(name)

    for name in MODULES:
        visit(name)


@pytest.mark.parametrize("package", ["gifnet", "cuda_kernels"])
def test_network_and_kernels_stand_alone(package: str) -> None:
    foreign = [
        f"{name} imports {other}"
        for name in MODULES
        if name.split(".")[0] == package
        for other in imported(name, lazy=True)
        if other.split(".")[0] != package
    ]
    assert not foreign, "\n".join(foreign)


def test_no_folder_is_crowded() -> None:
    folders = {path.parent for path in MODULES.values()}
    crowded = [folder for folder in folders if len(list(folder.glob("*.py"))) > MOST_MODULES]
    assert not crowded


def test_architecture_shows_the_same_layers() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = text.split("    cli > ", 1)[1].split("\n\n", 1)[0]
    shown = [{room.strip() for room in layer.split(",")} for layer in f"cli > {lines}".split(">")]
    assert shown == LAYERS
