from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stream.batch import execute as execution
from stream.batch.execute import execute
from stream.batch.job import Job, Outcome
from stream.batch.ray_task import examine_node
from stream.monitoring.report import versions
from tests.helpers.media import make_pair
from tests.helpers.readback import count_frames


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_pair(tmp_path_factory.mktemp("pair"), count=5, size=(64, 48), rate=5)


def job(folder: Path, pair: tuple[Path, Path], name: str = "deep/x.mp4", **more: Any) -> Job:
    uri = str(folder / name) if "." in name else f"images://{folder / name}"
    settings = {
        "visible": {"uri": str(pair[0])},
        "thermal": {"uri": str(pair[1])},
        "fusion": {"model": "null"},
        "device": "cpu",
        "outputs": [{"uri": uri, **more}],
    }
    return Job("line 2", name, str(folder), settings, "", versions()["gifnet-stream"])


def after(job: Job, outcome: Outcome) -> Job:
    """The job of a later batch, whose list has the record of the first."""
    record = json.loads(json.dumps({**outcome.record, "status": "done"}))
    return replace(job, earlier=record)


def test_a_job_is_done_whole_and_once(pair: tuple[Path, Path], tmp_path: Path) -> None:
    mine = tuple(shutil.copy(path, tmp_path) for path in pair)
    inputs = Path(mine[0]), Path(mine[1])
    first = job(tmp_path / "out", inputs, sidecar=True)
    told: list[float] = []
    outcome = execute(first, told.append)
    assert (outcome.status, outcome.reason) == ("done", "")
    target = tmp_path / "out" / "deep" / "x.mp4"
    assert count_frames(target) == outcome.record["fused"] == 5
    assert sorted(path.name for path in target.parent.iterdir()) == ["x.jsonl", "x.mp4"]
    assert [each["name"] for each in outcome.record["files"]] == ["deep/x.jsonl", "deep/x.mp4"]
    assert not list((tmp_path / "out" / ".batch").iterdir())

    os.utime(inputs[0], ns=(1, 1))  # another time, the same content
    written = target.stat().st_mtime_ns
    assert execute(after(first, outcome)).status == "unchanged"
    assert target.stat().st_mtime_ns == written

    # Without its sidecar it is another result, and the old sidecar goes.
    second = execute(after(job(tmp_path / "out", inputs), outcome))
    assert second.status == "done"
    assert [path.name for path in target.parent.iterdir()] == ["x.mp4"]

    target.write_bytes(b"damaged")
    assert execute(after(job(tmp_path / "out", inputs), second)).status == "done"
    assert count_frames(target) == 5


def test_pictures_replace_those_of_an_earlier_batch(pair: tuple[Path, Path], tmp_path: Path) -> None:
    first = job(tmp_path, pair, "frames")
    outcome = execute(first)
    assert outcome.status == "done"
    (tmp_path / "frames" / "000004.png").unlink()
    assert execute(after(first, outcome)).status == "done"
    assert len(list((tmp_path / "frames").glob("*.png"))) == 5


def test_what_no_run_wrote_is_not_replaced(pair: tuple[Path, Path], tmp_path: Path) -> None:
    mine = tmp_path / "frames" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("precious")
    outcome = execute(job(tmp_path, pair, "frames"))
    assert (outcome.status, outcome.kind) == ("failed", "output")
    assert "frames holds mine.txt, which no run wrote" in outcome.reason
    (tmp_path / "x.mp4").mkdir()
    assert "is a folder" in execute(job(tmp_path, pair, "x.mp4")).reason
    (tmp_path / "y.jsonl").write_text('{"visible": "a.mp4", "thermal": "b.mp4"}')  # a manifest
    outcome = execute(job(tmp_path, pair, "y.mp4", sidecar=True))
    assert "y.jsonl would overwrite a file that is none" in outcome.reason
    assert mine.read_text() == "precious" and "a.mp4" in (tmp_path / "y.jsonl").read_text()


def test_an_output_may_have_the_longest_name_of_the_disk(pair: tuple[Path, Path], tmp_path: Path) -> None:
    name = "\N{SNOWMAN}" * 80 + ".mp4"  # 244 bytes
    assert execute(job(tmp_path, pair, name)).status == "done"


def test_a_failure_leaves_what_was_there_and_names_its_kind(pair: tuple[Path, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    target = tmp_path / "x.mp4"
    target.write_bytes(b"older")
    outcome = execute(job(tmp_path, (pair[0], broken), "x.mp4"))
    assert (outcome.status, outcome.kind, outcome.may_pass) == ("failed", "source", False)
    assert "broken.mp4" in outcome.reason
    assert target.read_bytes() == b"older"
    assert not list((tmp_path / ".batch").iterdir())


@pytest.mark.parametrize("how", ["grows", "goes"])
def test_an_input_that_changes_meanwhile_is_no_result(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    mine = Path(shutil.copy(pair[0], tmp_path)), pair[1]
    plain = execution.fuse_row

    def changing(*words: Any) -> Any:
        report = plain(*words)
        if how == "goes":
            mine[0].unlink()
        else:
            mine[0].write_bytes(mine[0].read_bytes() + b"more")
        return report

    monkeypatch.setattr(execution, "fuse_row", changing)
    outcome = execute(job(tmp_path, mine, "x.mp4"))
    assert (outcome.status, outcome.kind) == ("failed", "changed")
    assert not (tmp_path / "x.mp4").exists()


def test_another_version_or_other_weights_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    other = replace(job(tmp_path, pair), version="0.0.1")
    assert (execute(other).kind, "0.0.1" in execute(other).reason) == ("node", True)
    full = job(tmp_path, pair)
    full.settings["fusion"] = {"model": "full"}
    outcome = execute(replace(full, weights_sha256="0" * 64))
    assert outcome.kind == "node" and "other weights" in outcome.reason


def test_a_node_is_asked_before_work_starts(pair: tuple[Path, Path], tmp_path: Path) -> None:
    mine = job(tmp_path / "out", pair)
    text = json.dumps(mine.as_json())
    assert "does not see" in examine_node([text])
    (tmp_path / "out" / ".batch").mkdir(parents=True)
    assert examine_node([text]) == ""
    assert "has gifnet-stream" in examine_node([json.dumps(replace(mine, version="0.0.1").as_json())])
    mine.settings["fusion"] = {"model": "lite"}
    other = replace(mine, weights_sha256="0" * 64)
    assert "other weights" in examine_node([json.dumps(other.as_json())])
    mine.settings["fusion"] = {"model": "lite", "weights": str(tmp_path / "none.safetensors")}
    assert "lacks the weights: no weights file" in examine_node([json.dumps(other.as_json())])
