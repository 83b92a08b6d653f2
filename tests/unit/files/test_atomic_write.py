"""Atomic writes: whole or not at all, never through a link, never in place of what is not a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream.files import atomic_write
from stream.files.atomic_write import open_without_links, write_atomic


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, b"one")
    write_atomic(path, "zwei ü", durable=False)
    assert path.read_text(encoding="utf-8") == "zwei ü"
    assert os.listdir(tmp_path) == ["a.json"]


def test_the_umask_holds(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a", b"")
        write_atomic(tmp_path / "b", b"", mode=0o600)
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o640, 0o600]


def test_the_longest_name_of_a_file_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    write_atomic(path, b"1")
    assert path.read_bytes() == b"1"


def test_links_are_not_followed_and_not_replaced(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    link = tmp_path / "a.json"
    link.symlink_to(other)
    with pytest.raises(OSError, match="a link"):
        write_atomic(link, b"1")
    assert link.is_symlink() and other.read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["a.json", "other"]


def test_a_hard_link_is_parted_and_the_other_name_keeps_its_content(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "a.json"
    other.write_text("precious")
    path.hardlink_to(other)
    write_atomic(path, b"1")
    assert other.read_text() == "precious" and path.read_bytes() == b"1"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, make: object) -> None:
    path = tmp_path / "a.json"
    make(path)  # type: ignore[operator]
    before = path.lstat()
    with pytest.raises(OSError, match="not a file; name another place"):
        write_atomic(path, b"1")
    assert path.lstat().st_ino == before.st_ino and os.listdir(tmp_path) == ["a.json"]


def test_a_device_is_not_replaced() -> None:
    with pytest.raises(OSError, match="a device, not a file"):
        write_atomic(Path("/dev/full"), b"1")
    assert Path("/dev/full").is_char_device()


def test_a_planted_part_file_is_neither_followed_nor_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, path = tmp_path / "other", tmp_path / "a.json"
    other.write_text("precious")
    monkeypatch.setattr(atomic_write.secrets, "token_hex", lambda _: "guessed")
    planted = tmp_path / "a.json.guessed.part"
    planted.symlink_to(other)
    with pytest.raises(FileExistsError):
        write_atomic(path, b"1")
    assert other.read_text() == "precious" and planted.is_symlink() and not path.exists()


def test_nothing_is_left_of_a_write_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.json"
    path.write_text("old")
    monkeypatch.setattr(atomic_write.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.json"]


def test_a_file_opened_without_links(tmp_path: Path) -> None:
    link = tmp_path / "times.csv"
    link.symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="it is a link"):
        open_without_links(str(link), os.O_WRONLY | os.O_CREAT)
    assert not (tmp_path / "other").exists()
