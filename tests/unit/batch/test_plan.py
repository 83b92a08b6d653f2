from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from stream.batch.job import Record
from stream.batch.manifest import Row
from stream.batch.plan import Plan, plan_batch
from stream.errors import ConfigError


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder of files that are there; nothing opens them while work is planned."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (folder / name).write_bytes(name.encode())
    return folder


def row(clips: Path, number: int, visible: str = "a.mp4", thermal: str = "b.mp4", **values: Any) -> Row:
    return Row(f"line {number}", {"visible": str(clips / visible), "thermal": str(clips / thermal), **values})


def plan(rows: list[Row], folder: Path, config: Path | None = None, **common: Any) -> Plan:
    return plan_batch(rows, folder, {"model": "null", **common}, config, {})


def test_a_row_wins_over_the_command_which_wins_over_the_file(clips: Path, tmp_path: Path) -> None:
    config = tmp_path / "all.yaml"
    config.write_text("gain: {low: 1.5, high: 98}\npairing: {tolerance_ms: 11}\noutputs: [{view: thermal}]\n")
    rows = [row(clips, 2, output="x.mp4", gain_low="3"), row(clips, 3, output="deep/y/")]
    first, second = plan(rows, tmp_path / "out", config, gain_low=2.0, gain_high=97.0).jobs
    assert first.settings["gain"] == {"low": "3", "high": 97.0}
    assert second.settings["gain"] == {"low": 2.0, "high": 97.0}
    assert first.settings["pairing"] == {"tolerance_ms": 11}
    assert first.settings["outputs"] == [{"view": "thermal", "uri": f"{tmp_path}/out/x.mp4"}]
    assert second.settings["outputs"][0]["uri"] == f"images://{tmp_path}/out/deep/y"
    assert first.size_bytes == 10 and first.output == tmp_path / "out" / "x.mp4"
    assert not (tmp_path / "out").exists()


def test_everything_that_is_wrong_is_told_at_once(clips: Path, tmp_path: Path) -> None:
    rows = [
        row(clips, 2, output="x.mp4"),
        row(clips, 3, visible="none.mp4"),
        row(clips, 4, output="./x.mp4"),
        row(clips, 5, output="../x.mp4"),
        row(clips, 6, output="x.avi"),
        row(clips, 7, output="z.mp4", gain_low="much"),
        Row("line 8", {"visible": "rtsp://cam/1", "thermal": "rtsp://cam/2"}),
        Row("line 9", {}, ("it is no JSON",)),
        Row("line 10", {"thermal": str(clips / "b.mp4")}),
        row(clips, 11, output="w.mp4", calibration=str(clips / "a.mp4")),
        row(clips, 12, output="results.jsonl"),
    ]
    with pytest.raises(ConfigError) as caught:
        plan(rows, tmp_path / "out")
    head, *lines = str(caught.value).splitlines()
    assert head == "10 of 11 rows are wrong, and nothing was started:"
    told = dict(line.strip().split(": ", 1) for line in lines)
    assert list(told) == [f"line {number}" for number in range(3, 13)]
    assert told["line 3"] == f"visible: there is no {clips}/none.mp4"
    assert told["line 4"] == "output: x.mp4 is written by line 2 too; give each row its own"
    assert "inside the folder of the batch, got ../x.mp4" in told["line 5"]
    assert "must end in .mp4, .mkv, .mov" in told["line 6"]
    assert "gain.low" in told["line 7"]
    assert told["line 8"] == "visible: a batch takes recordings, rtsp://cam/1 is live"
    assert told["line 9"] == "it is no JSON"
    assert "visible.uri is missing" in told["line 10"] or "visible" in told["line 10"]
    assert "the calibration" in told["line 11"]
    assert "kept for the batch itself" in told["line 12"]


def test_no_output_is_an_input_of_any_row_or_lies_in_one(clips: Path, tmp_path: Path) -> None:
    pictures = clips / "frames"
    pictures.mkdir()
    (pictures / "0.png").touch()
    rows = [
        row(clips, 2, output="b.mp4"),
        row(clips, 3, visible="c.mp4", thermal="c.mp4", output="frames/x.mp4"),
        row(clips, 4, visible="frames", output="y.mp4"),
        row(clips, 5, visible="c.mp4", thermal="c.mp4", output="c.mp4"),
    ]
    with pytest.raises(ConfigError) as caught:
        plan(rows, clips)
    told = dict(line.strip().split(": ", 1) for line in str(caught.value).splitlines()[1:])
    assert list(told) == ["line 2", "line 3", "line 5"]
    assert "would be overwritten" in told["line 2"]
    assert told["line 3"] == f"output: frames/x.mp4 is, or lies in, {pictures}, an input of line 4"


def test_a_sidecar_may_not_meet_another_output(clips: Path, tmp_path: Path) -> None:
    rows = [row(clips, 2, output="x.mp4", sidecar=True), row(clips, 3, output="x.mkv", sidecar="yes")]
    with pytest.raises(ConfigError, match=r"x\.mkv is written by line 2 too"):
        plan(rows, tmp_path / "out")


@pytest.mark.parametrize("text", ["preview: {bind: '127.0.0.1:1'}", "outputs: [{uri: a.mp4}, {uri: b.mp4}]"])
def test_a_file_for_one_live_run_is_refused(clips: Path, tmp_path: Path, text: str) -> None:
    config = tmp_path / "live.yaml"
    config.write_text(text)
    with pytest.raises(ConfigError, match=r"for one run|one output a row"):
        plan([row(clips, 2)], tmp_path / "out", config)


def test_what_nobody_touched_is_done_and_another_setting_is_work_again(clips: Path, tmp_path: Path) -> None:
    from stream.batch.compare import is_untouched
    from stream.batch.content import input_paths, settings_sha256, sha256_of, signs_of
    from stream.config import RunSettings, validate

    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "x.mp4").write_bytes(b"fused")
    job = plan([row(clips, 2, output="x.mp4")], folder).jobs[0]
    settings = validate(RunSettings, job.settings, "here")
    record: Record = {
        "status": "done",
        "settings_sha256": settings_sha256(settings),
        "weights_sha256": "",
        "inputs": [
            {"what": what, "path": str(path), "signs": signs_of(path), "sha256": sha256_of(path)}
            for what, path in input_paths(settings).items()
        ],
        "files": [
            {"name": "x.mp4", "signs": signs_of(folder / "x.mp4"), "sha256": sha256_of(folder / "x.mp4")}
        ],
    }

    def planned(**common: Any) -> Plan:
        rows = [row(clips, 2, output="x.mp4")]
        return plan_batch(rows, folder, {"model": "null", **common}, None, {"x.mp4": record})

    assert planned().done == ["x.mp4"]
    assert [
        len(planned(**other).jobs) for other in ({"gain_low": 2}, {"quality": 30}, {"model": "full"})
    ] == [1] * 3
    os.utime(clips / "a.mp4", ns=(1, 1))
    assert len(planned().jobs) == 1
    assert not is_untouched(planned().jobs[0], settings)


def test_a_place_that_holds_what_no_run_wrote_begins_nothing(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.txt").touch()
    (tmp_path / "pairs.jsonl").write_text('{"visible": "a.mp4", "thermal": "b.mp4"}')
    config = tmp_path / "all.yaml"
    config.write_text("outputs: [{sidecar: true}]\n")
    rows = [row(clips, 2, output="photos/"), row(clips, 3, output="pairs.mp4", config=str(config))]
    with pytest.raises(ConfigError) as error:
        plan(rows, tmp_path)
    assert "line 2: the output" in str(error.value) and "holds mine.txt" in str(error.value)
    assert "line 3: the sidecar" in str(error.value)
