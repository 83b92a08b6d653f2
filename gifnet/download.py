"""Downloads a file whose SHA-256 is known: resumes, checks, and appears whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gifnet.errors import WeightsError

TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 16
MAX_BYTES = 2 << 30
"""More than any weights of this network; a server that sends more is refused."""

Progress = Callable[[int, int | None], None]

_TOO_LARGE = f"sends more than {MAX_BYTES >> 30} GiB, and no weights of this network are as large"
_MOST_DIGITS = 18
_RANGE_NOT_SATISFIABLE = 416


class _Cut(Exception):
    """The connection ended before the file did."""


def download(
    url: str,
    sha256: str,
    target: Path,
    size_bytes: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Fetch a file to a place, unless it is there already.

    Bytes gather in `<target>.part`. A connection that is cut is taken up again where it ended, in this call
    for as long as every attempt brings something, else in the next call; a server that cannot resume sends
    everything again. Only when size and SHA-256 agree does the file get its name.

    Args:
        url: `https://` or `http://`.
        sha256: 64 hexadecimal digits that the content must have.
        target: the file; its folder is made.
        size_bytes: its size, where known.
        progress: called with the bytes that are there and the total, None when unknown.

    Returns:
        `target`.

    Raises:
        WeightsError: wrong address or digest, no network, an answer other than the file, a full disk.
    """
    check_request(url, sha256)
    if target.is_file() and digest(target) == sha256.lower():
        return target
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _gather(url, part, size_bytes, progress)
        _check(part, sha256.lower(), size_bytes, url)
        part.replace(target)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written: {error.strerror or error}") from None
    return target


def check_request(url: str, sha256: str) -> None:
    """Refuse addresses that are none of the web and digests that are no SHA-256.

    Raises:
        WeightsError: says which it is.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # Whatever is wrong with an address, it may hold a password, and is not shown.
    if not usable or not url.isprintable() or " " in url:
        raise WeightsError(
            "the address must begin with https:// or http:// and name a server, as in https://SERVER/PATH, "
            "without blanks"
        )
    if parts.username is not None:
        raise WeightsError("the address must hold no user name and no password; use one that needs none")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        got = repr(sha256) if sha256.isalnum() else f"{len(sha256)} characters"
        raise WeightsError(f"a SHA-256 has 64 hexadecimal digits, got {got}")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _gather(url: str, part: Path, size_bytes: int | None, progress: Progress) -> None:
    while True:
        before = _size(part)
        try:
            return _attempt(url, part, size_bytes, progress)
        except _Cut:
            if _size(part) <= before:
                raise WeightsError(
                    f"the connection to {urlsplit(url).hostname} was cut after {_size(part)} bytes; "
                    "run the same command again to go on from there"
                ) from None


def _attempt(url: str, part: Path, size_bytes: int | None, progress: Progress) -> None:
    have = _size(part)
    request = urllib.request.Request(
        url, headers={"Accept-Encoding": "identity", "User-Agent": "gifnet-stream"}
    )
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = _open(request)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != _RANGE_NOT_SATISFIABLE or not have:
            raise WeightsError(
                f"{_shown(url)} answers {error.code} {error.reason}; check the address"
            ) from None
        # Nothing is left to send: the part is whole, or of another file, which the digest tells.
        return
    with answer:
        start = have if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        _save(answer, part, start, _total(answer, start, size_bytes, url), progress)


def _open(request: urllib.request.Request) -> Any:
    host = urlsplit(request.full_url).hostname
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(
            f"{host} cannot be reached: {_words(error)}; check the network and try again"
        ) from None


def _save(answer: Any, part: Path, start: int, total: int | None, progress: Progress) -> None:
    done = start
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        for chunk in _chunks(answer):
            file.write(chunk)
            done += len(chunk)
            if done > min(MAX_BYTES, MAX_BYTES if total is None else total):
                break
            progress(done, total)
    if done > MAX_BYTES:
        part.unlink()
        raise WeightsError(f"{_shown(answer.url)} {_TOO_LARGE}")
    if total is not None and done < total:
        raise _Cut


def _chunks(answer: Any) -> Iterator[bytes]:
    try:
        while chunk := answer.read(CHUNK_BYTES):
            yield chunk
    except (OSError, http.client.HTTPException):
        raise _Cut from None


def _total(answer: Any, start: int, size_bytes: int | None, url: str) -> int | None:
    """Size of the whole file by the server's word.

    Raises:
        WeightsError: when it is not the size that is expected.
    """
    length = answer.headers.get("Content-Length", "")
    is_number = length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS
    total = start + int(length) if is_number else size_bytes
    if size_bytes is not None and total != size_bytes:
        raise WeightsError(
            f"{_shown(url)} has {total} bytes, expected are {size_bytes}; it is not the pinned file"
        )
    if total is not None and total > MAX_BYTES:
        raise WeightsError(f"{_shown(url)} {_TOO_LARGE}")
    return total


def _check(part: Path, sha256: str, size_bytes: int | None, url: str) -> None:
    found, size = digest(part), part.stat().st_size
    if found == sha256 and size_bytes in (None, size):
        return
    part.unlink()
    raise WeightsError(
        f"the file from {_shown(url)} is not the pinned one: its SHA-256 is {found}, expected is {sha256}; "
        "it was removed, run the command again to fetch it"
    )


def _shown(url: str) -> str:
    """An address without what its query may hold: signatures, codes and tokens of storage services."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message})"
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
