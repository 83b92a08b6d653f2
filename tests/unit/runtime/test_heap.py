"""Memory of the C library: set where nobody has said otherwise, and nothing where there is no glibc."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from stream.runtime import heap


def test_parameters_are_set_but_for_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[int, int] = {}
    library = SimpleNamespace(mallopt=lambda parameter, value: said.update({parameter: value}))
    monkeypatch.setattr(heap, "_library", lambda: library)
    for variable, _ in heap.KEPT.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    heap.keep_heap()
    assert said == {-3: 32 << 20, -1: 512 << 20}


@pytest.mark.parametrize("library", [None, SimpleNamespace()])
def test_other_libraries_are_left_alone(library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_library", lambda: library)
    heap.keep_heap()


def test_the_library_of_this_machine_is_found() -> None:
    assert heap._library() is not None
