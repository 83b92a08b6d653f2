"""Objects in storage that fsspec reaches: what is there, downloads and uploads, and errors in one sentence.

Credentials come from the environment alone, as the storage's own tools read them: for S3
`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_PROFILE`, and `AWS_ENDPOINT_URL` for
another server than Amazon's.
"""

from __future__ import annotations

import errno
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stream.errors import ConfigError, SourceError, StorageError
from stream.uri import parse_uri

SCHEMES = ("s3", "gs", "az")
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 3}}}
}
# Parts of the names of errors that storage libraries raise for missing or insufficient credentials.
_NO_RIGHT = ("Credential", "Forbidden", "AccessDenied", "Unauthorized")
# Errors of a disk that is full or read-only, and of limits; storage gives none of them.
_OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object.

    Attributes:
        name: below the URL that it was found by, empty where it is that itself.
        size_bytes: of its content.
        tag: of the storage for this content: its ETag, or the time of its last change.
    """

    name: str
    size_bytes: int
    tag: str


def is_remote(uri: str) -> bool:
    """True for a URL of object storage."""
    return parse_uri(uri).scheme in SCHEMES


def objects_at(url: str, *, fresh: bool = False) -> list[StoredObject]:
    """The object of a URL, or all below one that ends in `/`, by name; empty where there is none.

    Args:
        url: of an object, or of a folder.
        fresh: ask the storage again about what was seen before.

    Raises:
        ConfigError: the packages for this storage are not installed.
        StorageError: the storage does not answer, or refuses.
    """
    files, place = _file_system(url), _place(url)
    with _one_sentence(url, "read"):
        if fresh:
            files.invalidate_cache()
        if url.endswith("/"):
            found = files.find(place, detail=True).values()
            base = len(place.rstrip("/")) + 1
            return sorted((_stored(each, each["name"][base:]) for each in found), key=lambda each: each.name)
        if not fresh:
            _list_folder(url.rpartition("/")[0])
        try:
            about = files.info(place)
        except FileNotFoundError:
            return []
        return [_stored(about, "")] if about["type"] == "file" else []


def remote_size(url: str) -> int:
    """Bytes of everything at a URL; 0 where there is nothing."""
    return sum(each.size_bytes for each in objects_at(url))


def signs_at(url: str, *, fresh: bool = False) -> str:
    """SHA-256 of the names, sizes and tags of the objects at a URL, without reading them.

    Raises:
        StorageError: there is none, or as `objects_at`.
    """
    found = objects_at(url, fresh=fresh)
    if not found:
        raise StorageError(f"there is no {url}")
    values = [(each.name, each.size_bytes, each.tag) for each in found]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def download(url: str, target: Path) -> None:
    """Copy the object of a URL to a file, or all below a URL that ends in `/` into a folder.

    Raises:
        StorageError: it cannot be read, or has another length than was stated.
        SourceError: a key leads out of the folder; nothing is written then.
        OSError: the file cannot be written.
    """
    files, place = _file_system(url), _place(url)
    found = objects_at(url, fresh=True)
    for each in found:
        _refuse_way_out(url, each.name)
    for each in found:
        path = target / each.name if each.name else target
        path.parent.mkdir(parents=True, exist_ok=True)
        with _one_sentence(url, "read", path):
            files.get_file(f"{place.rstrip('/')}/{each.name}" if each.name else place, str(path))
        if path.stat().st_size != each.size_bytes:
            raise StorageError(f"{url} changed while it was read; wait until it is whole")


def upload(file: Path, url: str) -> None:
    """Put a file as one object, which these storages show whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    with _one_sentence(url, "written"):
        _file_system(url).put_file(str(file), _place(url))


def remove(url: str) -> None:
    """Remove an object that is there."""
    with _one_sentence(url, "removed"):
        _file_system(url).rm_file(_place(url))


def check_folder(url: str) -> None:
    """Refuse a folder of outputs that cannot be asked for, before work starts.

    Raises:
        ConfigError: it is no URL of object storage with a bucket, or its packages are not installed.
        StorageError: there is no such bucket, or it may not be read.
    """
    if not is_remote(url) or not _place(url).strip("/"):
        raise ConfigError(f"the upload must be a URL as in s3://bucket/fused, got {url}")
    bucket = f"{parse_uri(url).scheme}://{_place(url).split('/')[0]}"
    with _one_sentence(bucket, "read"):
        _file_system(url).ls(_place(bucket))


def load_packages(url: str) -> None:
    """Import what the storage needs; connects to nothing.

    Raises:
        ConfigError: it is not installed.
    """
    scheme = parse_uri(url).scheme
    try:
        import fsspec

        fsspec.get_filesystem_class(scheme)
    except ImportError:
        raise ConfigError(
            f"{scheme}:// needs packages that are not installed: pip install 'gifnet-stream[remote]' brings "
            "those of S3; other storages need those that fsspec names"
        ) from None


@cache
def _list_folder(url: str) -> None:
    """Ask for a whole folder once, so that a thousand objects in it are one question."""
    with suppress(Exception):  # who may not list a folder may read its objects one by one all the same
        _file_system(url).ls(_place(url), detail=True)


def forget() -> None:
    """Ask the storage again about everything, in place of what it said before."""
    _list_folder.cache_clear()
    if fsspec := sys.modules.get("fsspec"):
        for scheme in SCHEMES:
            with suppress(ImportError):
                fsspec.get_filesystem_class(scheme).clear_instance_cache()


def _file_system(url: str) -> Any:
    load_packages(url)
    import fsspec

    scheme = parse_uri(url).scheme
    return fsspec.filesystem(scheme, **_OPTIONS.get(scheme, {}))


def _place(url: str) -> str:
    """Bucket and key; a key may hold any sign, so that nothing in it is an option or encoded."""
    return url.partition("://")[2]


def _stored(about: dict[str, Any], name: str) -> StoredObject:
    tag = next((str(about[key]) for key in ("ETag", "etag", "md5Hash", "LastModified") if about.get(key)), "")
    return StoredObject(name, int(about["size"]), tag.strip('"'))


def _refuse_way_out(url: str, name: str) -> None:
    if name.startswith("/") or ".." in (*name.split("/"), url.rstrip("/").rpartition("/")[2]):
        raise SourceError(
            f"the key of {url}{name} would be written outside of the folder of copies, as one with a part .. "
            "or with // is; rename the object"
        )


def _is_of_disk(error: OSError, path: Path | None) -> bool:
    """True for an error of writing a file; those of storage may be an OSError too."""
    return path is not None and (error.filename == str(path) or error.errno in _OF_DISK)


@contextmanager
def _one_sentence(url: str, done: str, path: Path | None = None) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and _is_of_disk(error, path):
            raise OSError(error.errno, error.strerror, str(path)) from None
        if isinstance(error, FileNotFoundError):
            raise StorageError(f"{url} cannot be {done}: there is no such bucket or object") from None
        if isinstance(error, PermissionError) or any(word in type(error).__name__ for word in _NO_RIGHT):
            raise StorageError(
                f"{url} cannot be {done}: the storage refuses, or finds no credentials in the environment, "
                "such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from None
        text = str(error).strip().splitlines() or [type(error).__name__]
        raise StorageError(f"{url} cannot be {done}: {text[0]}") from None
