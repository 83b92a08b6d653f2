from __future__ import annotations

import resource
from pathlib import Path

import pytest

from stream.batch.results import RESULTS, open_results, read_results
from stream.errors import ConfigError


def test_the_newest_record_holds_and_a_broken_line_costs_only_itself(tmp_path: Path) -> None:
    with open_results(tmp_path) as results:
        results.add({"output": "a.mp4", "status": "failed"})
        results.add({"output": "b.mp4", "status": "done"})
        results.add({"output": "a.mp4", "status": "done"})
    with (tmp_path / RESULTS).open("ab") as file:
        file.write(b'{"schema": "gifnet.batch/1", "output": "c.m')
    with open_results(tmp_path) as results:
        results.add({"output": "d.mp4", "status": "done"})
    assert {name: record["status"] for name, record in read_results(tmp_path).items()} == {
        "a.mp4": "done",
        "b.mp4": "done",
        "d.mp4": "done",
    }


def test_two_batches_do_not_share_a_folder_and_leftovers_go(tmp_path: Path) -> None:
    left = tmp_path / ".batch" / "a.0123"
    left.mkdir(parents=True)
    (left / "a.mp4").touch()
    with open_results(tmp_path):
        assert not left.exists()
        with pytest.raises(ConfigError, match="another gifnet batch works in"), open_results(tmp_path):
            pass


def test_a_full_disk_is_told_and_leaves_a_list_that_the_next_batch_reads(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (
        pytest.raises(ConfigError, match="the list of results cannot be written: "),
        open_results(tmp_path) as results,
    ):
        results.add({"output": "a.mp4", "status": "done"})
        # Limits the files that this process writes, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / RESULTS).stat().st_size + 10, limits[1]))
        try:
            results.add({"output": "b.mp4", "status": "done"})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with open_results(tmp_path) as results:
        results.add({"output": "c.mp4", "status": "done"})
    assert sorted(read_results(tmp_path)) == ["a.mp4", "c.mp4"]


def test_a_list_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / RESULTS).write_text('{"output": "a.mp4"}\n')
    with pytest.raises(ConfigError, match="no list of results of this version"):
        read_results(tmp_path)
    assert read_results(tmp_path / "none") == {}
