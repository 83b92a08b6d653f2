"""`gifnet batch` with its worker processes on real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

from tests.e2e.conftest import Gifnet
from tests.helpers.batch import command
from tests.helpers.media import make_pair
from tests.helpers.patience import patience
from tests.helpers.readback import count_frames, read_times

SIZE, RATE = (64, 48), 5
LONG = "synthetic://street?seed=1&size=64x48&duration=3600"


def test_a_manifest_is_done_once_and_what_fails_is_told(gifnet: Gifnet, tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=6, size=SIZE, rate=RATE)
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 99)
    rows = ["visible,thermal,output,view"]
    rows += [
        f"{visible.name},{thermal.name},{name},{view}"
        for name, view in (("a.mp4", ""), ("b/c.mkv", "thermal"))
    ]
    rows += [f"{visible.name},broken.mp4,bad.mp4,"]
    manifest, out = tmp_path / "pairs.csv", tmp_path / "out"
    manifest.write_text("\n".join(rows))
    words = ("batch", manifest, "-o", out, "--model", "null", "--device", "cpu", "--jobs", "2")

    planned = gifnet(*words, "--dry-run")
    assert planned.status == 0 and planned.out.count("to be done") == 4 and not out.exists()

    first = gifnet(*words)
    assert first.status == 3, first.err
    assert "ray" not in sys.modules
    assert "gifnet: bad.mp4 failed: " in first.err
    assert "1: an input cannot be read (bad.mp4)" in first.err
    assert [count_frames(out / name) for name in ("a.mp4", "b/c.mkv")] == [6, 6]
    assert read_times(out / "a.mp4") == read_times(visible)
    records = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert {record["output"]: record["status"] for record in records} == {
        "a.mp4": "done",
        "b/c.mkv": "done",
        "bad.mp4": "failed",
    }
    assert sorted(path.name for path in out.iterdir()) == [".batch", "a.mp4", "b", "results.jsonl"]

    (tmp_path / "broken.mp4").write_bytes(thermal.read_bytes())
    written = (out / "a.mp4").stat().st_mtime_ns
    second = gifnet(*words)
    assert second.status == 0, second.err
    assert "done before     2" in second.err and count_frames(out / "bad.mp4") == 6
    assert (out / "a.mp4").stat().st_mtime_ns == written
    assert "3 done before" in gifnet(*words, "-n").out


def test_wrong_rows_begin_nothing(gifnet: Gifnet, tmp_path: Path) -> None:
    manifest = tmp_path / "pairs.jsonl"
    manifest.write_text('{"visible": "a.mp4", "thermal": "b.mp4"}\n{\n')
    done = gifnet("batch", manifest, "-o", tmp_path / "out")
    assert done.status == 1
    assert done.err.startswith("gifnet: 2 of 2 rows are wrong, and nothing was started:\n  line 1: visible: ")
    assert not (tmp_path / "out").exists()


def test_ctrl_c_twice_stops_and_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    rows = [json.dumps({"visible": LONG, "thermal": LONG, "output": f"{name}.mp4"}) for name in "ab"]
    manifest, out = tmp_path / "pairs.jsonl", tmp_path / "out"
    manifest.write_text("\n".join(rows))
    line = command(manifest, out, "--jobs", "1")
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        end_s = time.monotonic() + patience(60)
        while not list(out.glob(".batch/*/a.mp4")):
            assert process.poll() is None and time.monotonic() < end_s
            time.sleep(0.1)
        for _ in range(2):
            os.kill(process.pid, signal.SIGINT)
            time.sleep(1)
        err = process.communicate(timeout=patience(60))[1]
    assert process.returncode == 130
    assert err.splitlines()[-1] == (
        "gifnet: stopped by SIGINT; 2 rows were not done; the same command goes on with what is left"
    )
    assert sorted(path.name for path in out.rglob("*")) == [".batch", "lock", "results.jsonl"]


def test_work_is_planned_without_torch_which_takes_seconds_to_load(tmp_path: Path) -> None:
    make_pair(tmp_path, count=2, size=SIZE, rate=RATE)
    line = "import sys; from stream.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    words = ["batch", tmp_path, "-o", tmp_path / "out", "--model", "lite", "--device", "cpu", "-n"]
    done = subprocess.run(
        [sys.executable, "-c", line, *map(str, words)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-2:] == ["1 to be done (0.00 GB of inputs), 0 done before", "False"]


def test_parts_survive_the_death_of_the_command(gifnet: Gifnet, tmp_path: Path) -> None:
    pair = "synthetic://street?seed=1&size=64x48&rate=10&duration=60"
    manifest, out = tmp_path / "pairs.jsonl", tmp_path / "out"
    manifest.write_text(json.dumps({"visible": pair, "thermal": pair, "output": "x.mp4"}))
    words = ("--gain", "fixed", "--gain-span-low", "0", "--gain-span-high", "16383", "--jobs", "1")
    line = command(manifest, out, *words, "--cut", "5")
    parts = out / ".batch" / "parts.jsonl"
    with subprocess.Popen(line, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        end_s = time.monotonic() + patience(60)
        while not (parts.exists() and parts.read_bytes().count(b"\n") >= 2):
            assert process.poll() is None and time.monotonic() < end_s
            time.sleep(0.05)
        process.kill()
    done = gifnet(*line[3:])
    assert done.status == 0, done.err
    assert read_times(out / "x.mp4") == [Fraction(number, 10) for number in range(600)]
    assert not parts.exists() and not list(out.rglob("0*.mp4"))
    record = json.loads((out / "results.jsonl").read_text().splitlines()[-1])
    assert record["cut"]["parts"] == 12 and record["fused"] == 600
