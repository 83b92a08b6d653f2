"""Write a file under a temporary name and rename it, so that it appears whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

SUFFIX = ".part"
# Room for the random part and the suffix in a name of 255 bytes, the limit of common file systems.
_LONGEST_STEM = 200
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def write_atomic(path: Path, content: bytes | str, *, durable: bool = True, mode: int = 0o666) -> None:
    """Write a whole file, in place of a regular file of that name if there is one.

    The temporary file lies in the same folder, is made new under a random name and never through a link.
    A process that is killed may leave it behind.

    Args:
        path: of the file; resolve a link first where it is to stay one.
        content: bytes, or text to be stored as UTF-8.
        durable: wait until the disk has the content, so that a power cut leaves the old or the new file.
        mode: permissions, reduced by the umask.

    Raises:
        OSError: it cannot be written, or the name belongs to a link, a folder, a device, a pipe or a socket;
            nothing has changed then.
    """
    check_replaceable(path)
    stem = path.name.encode()[:_LONGEST_STEM].decode(errors="ignore")
    part = path.with_name(f"{stem}.{secrets.token_hex(4)}{SUFFIX}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(descriptor)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    if durable:
        _sync_folder(path.parent)


def check_replaceable(path: Path) -> None:
    """Refuse a name that belongs to anything else than a regular file.

    Raises:
        OSError: says what the name belongs to.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(mode):
        return
    kind = _KINDS.get(stat.S_IFMT(mode), "a device")
    raise FileExistsError(errno.EEXIST, f"it is {kind}, not a file; name another place", str(path))


def open_without_links(path: str, flags: int) -> int:
    """`opener` for `open` that refuses a link in the place of the file.

    Raises:
        OSError: the last part of the path is a link.
    """
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "it is a link; remove it or name another place", path) from None


def _sync_folder(folder: Path) -> None:
    """Make the new name durable too; some file systems cannot, which costs nothing but that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
