"""An output in object storage: uploaded file by file, the one that stands for it last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stream.batch.content import sha256_of
from stream.batch.install import name_of, written_by
from stream.batch.job import Job, Record
from stream.batch.remote.store import objects_at, remove, signs_at, upload
from stream.sinks.images import TIMES, is_own_name


def upload_output(work: Path, job: Job, earlier: Record | None) -> dict[str, Any]:
    """Upload what was written; each object appears whole or not at all, the output itself last.

    Of a folder of pictures the list of times is last. What an earlier batch uploaded under the same names
    and this one does not have is removed; other objects below the URL of a folder are left alone.

    Args:
        work: the folder that holds it.
        job: that wrote it.
        earlier: record of an earlier batch.

    Returns:
        `files` of the record, as `install` gives them, with the `url` of each.

    Raises:
        StorageError: the storage does not take it.
    """
    before = {each["url"] for each in (earlier or {}).get("files", []) if each.get("url")}
    files = []
    for path in written_by(work, job):
        url = job.url_of(name_of(path, job))
        if path.is_dir():
            url += "/"
            _upload_folder(path, url, replaces=url in before)
        else:
            upload(path, url)
        before.discard(url)
        told = {"url": url, "signs": signs_at(url, fresh=True), "sha256": sha256_of(path)}
        files.append({"name": name_of(path, job), **told})
    for url in before:
        _remove(url)
    return {"files": files}


def _upload_folder(folder: Path, url: str, replaces: bool) -> None:
    names = sorted((path.name for path in folder.iterdir()), key=lambda name: (name == TIMES, name))
    for name in names:
        upload(folder / name, url + name)
    if replaces:
        for each in objects_at(url, fresh=True):
            if each.name not in names and is_own_name(each.name):
                remove(url + each.name)


def _remove(url: str) -> None:
    for each in objects_at(url, fresh=True):
        remove(url + each.name)
