"""Downloads from object storage, which is fsspec's in memory here, to places where they cannot go."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.batch.remote import store
from stream.errors import SourceError

fsspec = pytest.importorskip("fsspec", reason="the extra remote is not installed")


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """Objects by bucket and key."""
    files = fsspec.filesystem("memory")
    monkeypatch.setattr(store, "_file_system", lambda url: files)
    monkeypatch.setattr(store, "_place", lambda url: "/" + url.partition("://")[2])
    files.store.clear()
    yield files
    files.store.clear()


@pytest.mark.parametrize("key", ["in/../../../out.png", "in/..", "in//etc/out.png", "in/a/../b.png"])
def test_a_key_that_leads_out_of_its_folder_is_refused_before_anything_is_written(
    memory: dict[str, bytes], tmp_path: Path, key: str
) -> None:
    for name in ("in/a.png", key):
        put(name)
    folder = tmp_path / "deep" / "folder"
    with pytest.raises(SourceError) as told:
        store.download("s3://bucket/in/", folder)
    assert f"s3://bucket/{key}" in str(told.value) and "rename" in str(told.value)
    assert not list(tmp_path.iterdir())


def test_keys_with_dots_and_folders_are_taken(memory: dict[str, bytes], tmp_path: Path) -> None:
    for name in ("in/..a.png", "in/b/...png"):
        put(name)
    store.download("s3://bucket/in/", tmp_path)
    assert (tmp_path / "..a.png").read_bytes() == (tmp_path / "b" / "...png").read_bytes() == b"picture"


def test_a_full_disk_is_an_error_of_the_disk_and_not_of_the_storage(
    memory: dict[str, bytes], tmp_path: Path
) -> None:
    put("in/a.png")
    target = tmp_path / "a.png"
    target.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as told:
        store.download("s3://bucket/in/a.png", target)
    assert told.value.errno == errno.ENOSPC and told.value.filename == str(target)


def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk(
    memory: dict[str, bytes], tmp_path: Path
) -> None:
    put("in/a.png")
    target = tmp_path / "a.png"
    target.symlink_to("a.png")
    with pytest.raises(OSError, match="symbolic links") as told:
        store.download("s3://bucket/in/a.png", target)
    assert told.value.filename == str(target)


def put(name: str) -> None:
    """Add an object, by a key that is taken as it is."""
    from fsspec.implementations.memory import MemoryFile

    files = fsspec.filesystem("memory")
    path = f"/bucket/{name}"
    files.store[path] = MemoryFile(files, path, b"picture")
