"""The inputs of a job: their signs and contents, and local copies of those in object storage."""

from __future__ import annotations

from pathlib import Path

from stream.batch.content import input_paths, sha256_of, signs_of
from stream.batch.job import Job
from stream.batch.remote.staging import remote_inputs, stage, staging_folder, with_local_inputs
from stream.batch.remote.store import signs_at
from stream.config import RunSettings
from stream.errors import SourceError


class Inputs:
    """Inputs of one job, read no further than is needed to compare them.

    Attributes:
        records: purpose, path, signs and content of each, as they stand in the list of results.
    """

    def __init__(self, settings: RunSettings, job: Job) -> None:
        """Look at all of them; what has other signs than before is read.

        Args:
            settings: of the job.
            job: whose earlier record may know their contents.

        Raises:
            SourceError: one cannot be read.
            StorageError: the same, in object storage.
        """
        told = [*(job.earlier or {}).get("inputs", []), *job.inputs]
        self._known = {(each["path"], each["signs"]): each["sha256"] for each in told}
        self._settings, self._remote = settings, remote_inputs(settings)
        self._folder = Path(job.folder) / staging_folder(job.row or job.name)
        self.records = [self._local(what, path) for what, path in input_paths(settings).items()]
        self.records += [self._stored(what, url) for what, url in self._remote.items()]

    def _local(self, what: str, path: Path) -> dict[str, str]:
        try:
            signs = signs_of(path)
            content = self._known.get((str(path), signs)) or sha256_of(path)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from None
        return {"what": what, "path": str(path), "signs": signs, "sha256": content}

    def _stored(self, what: str, url: str) -> dict[str, str]:
        signs = signs_at(url, fresh=True)
        content = self._known.get((url, signs)) or sha256_of(stage(url, what, signs, self._folder))
        return {"what": what, "path": url, "signs": signs, "sha256": content}

    def local_settings(self) -> RunSettings:
        """The settings with local inputs; downloads what is not here yet.

        Raises:
            StorageError: an input cannot be read.
            OSError: the disk is full.
        """
        signs = {each["what"]: each["signs"] for each in self.records}
        copies = {what: stage(url, what, signs[what], self._folder) for what, url in self._remote.items()}
        return with_local_inputs(self._settings, copies)

    def are_unchanged(self) -> bool:
        """True while all inputs have the signs that they had at first; false also when one has gone."""
        try:
            signs = [signs_of(path) for path in input_paths(self._settings).values()]
        except OSError:
            return False
        signs += [signs_at(url, fresh=True) for url in self._remote.values()]
        return signs == [each["signs"] for each in self.records]
