"""`gifnet run` of several pairs in one process: real files, sockets and signals."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import Gifnet
from tests.helpers.media import make_pair
from tests.helpers.media_server import free_port
from tests.helpers.patience import patience, wait_until
from tests.helpers.readback import count_frames, read_frames
from tests.helpers.running import Running

FRAMES = 6
CAMERA = "loop://synthetic://street?seed=3&size=64x48"


def recorded(folder: Path, name: str, seed: int = 0) -> dict[str, Any]:
    """A pair of two short files, with an output."""
    place = folder / name
    place.mkdir()
    visible, thermal = make_pair(place, count=FRAMES, size=(64 + 16 * seed, 48))
    return {
        "visible": {"uri": str(visible)},
        "thermal": {"uri": str(thermal)},
        "outputs": [{"uri": str(folder / f"{name}.mp4")}],
    }


def config(folder: Path, pairs: dict[str, Any], **common: Any) -> Path:
    path = folder / "pairs.yaml"
    path.write_text(yaml.safe_dump({"device": "cpu", "pairs": pairs, **common}, sort_keys=False))
    return path


@contextmanager
def running(path: Path, *words: str) -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-m", "stream", "run", "-c", str(path), *words],
        stderr=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    run = Running(process)
    try:
        yield run
    finally:
        run.stop()
        assert process.stderr
        process.stderr.close()


def got(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=patience(30)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_pair_that_fails_ends_alone_and_the_others_are_as_they_are_alone(
    gifnet: Gifnet, tmp_path: Path
) -> None:
    pairs = {"gate": recorded(tmp_path, "gate"), "yard": recorded(tmp_path, "yard", seed=1)}
    gone = recorded(tmp_path, "gone") | {"thermal": {"uri": str(tmp_path / "none.mp4")}}
    path = config(tmp_path, {"gone": gone, **pairs}, fusion={"model": "lite", "precision": "float32"})
    report = tmp_path / "report.json"
    done = gifnet("run", "-c", path, "--report", report)
    assert done.status == 1
    lines = done.err.splitlines()
    assert any(re.match(rf"gate  {FRAMES} fused in .*; done$", line) for line in lines)
    assert any(re.match(r"gone  0 fused in .*none.mp4 does not exist$", line) for line in lines)
    told = json.loads(report.read_text())
    assert {name: one["fused"] for name, one in told["pairs"].items()} == {
        "gone": 0,
        "gate": FRAMES,
        "yard": FRAMES,
    }
    assert [told["pairs"][name]["complete"] for name in ("gone", "gate", "yard")] == [False, True, True]
    assert sum(int(size) * count for size, count in told["batches"]["lite cpu"].items()) == 2 * FRAMES
    for name, one in pairs.items():
        alone = tmp_path / f"{name}-alone.mp4"
        words = (one["visible"]["uri"], one["thermal"]["uri"], "-o", alone, "--model", "lite")
        assert gifnet("run", *words, "--precision", "float32", "--device", "cpu").status == 0
        together = read_frames(tmp_path / f"{name}.mp4")
        apart = np.abs(np.stack(together).astype(int) - np.stack(read_frames(alone)))
        assert len(together) == FRAMES and apart.max() <= 3, "a batch may add up in another order"


def test_one_pair_in_pairs_is_the_very_run_of_one(gifnet: Gifnet, tmp_path: Path) -> None:
    one = recorded(tmp_path, "gate")
    assert gifnet("run", "-c", config(tmp_path, {"gate": one}, fusion={"model": "lite"})).status == 0
    alone = tmp_path / "alone.mp4"
    words = (one["visible"]["uri"], one["thermal"]["uri"], "-o", alone, "--model", "lite", "--device", "cpu")
    assert gifnet("run", *words).status == 0
    assert (tmp_path / "gate.mp4").read_bytes() == alone.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_pairs_in_order_and_files_stay_whole(tmp_path: Path, number: int) -> None:
    """Two pairs fuse; the cameras of the third are never there, and neither is its first frame."""
    metrics = free_port()
    camera = {"visible": {"uri": CAMERA}, "thermal": {"uri": CAMERA}}
    pairs: dict[str, Any] = {
        name: camera | {"outputs": [{"uri": str(tmp_path / f"{name}.mp4")}]} for name in ("gate", "yard")
    }
    nowhere = {"uri": f"rtsp://127.0.0.1:{free_port()}/none"}
    pairs["away"] = {"visible": nowhere, "thermal": nowhere, "outputs": [{"uri": "null://"}]}
    pairs["gate"]["preview"] = {"bind": "127.0.0.1:0"}
    path = config(tmp_path, pairs, fusion={"model": "lite"}, metrics={"bind": f"127.0.0.1:{metrics}"})
    with running(path, "-v") as run:
        run.wait_for("numbers are at")
        page = run.wait_for(r"gate: the page is at http://127.0.0.1:(\d+)/")[1]

        def fused() -> dict[str, float]:
            families = text_string_to_metric_families(got(metrics, "/metrics")[1])
            samples = [sample for family in families for sample in family.samples]
            return {
                sample.labels["pair"]: sample.value
                for sample in samples
                if sample.name == "gifnet_frames_fused_total"
            }

        wait_until(lambda: min(fused().get(name, 0) for name in ("gate", "yard")) >= 3, 120)
        status, text = got(metrics, "/readyz")
        why = json.loads(text)["why"]
        assert status == 503 and why["away"] == "no frame has been fused yet"
        assert json.loads(got(metrics, "/healthz")[1])["running"] == ["gate", "yard", "away"]
        assert json.loads(got(int(page), "/api/status")[1])["fused"] >= 3
        run.process.send_signal(number)
        run.process.wait(patience(60))
        said = run.stop()
    assert run.process.returncode in (1, 128 + number), said  # 1: the third pair fused nothing
    assert all(count_frames(tmp_path / f"{name}.mp4") >= 3 for name in ("gate", "yard"))
    assert all(re.search(rf"^{name} +\d+ fused in", said, re.MULTILINE) for name in pairs), said


def test_settings_are_read_again_for_every_pair(tmp_path: Path) -> None:
    camera = {"visible": {"uri": CAMERA}, "thermal": {"uri": CAMERA}, "outputs": [{"uri": "null://"}]}
    pairs = {"gate": camera, "yard": camera}
    path = config(tmp_path, pairs, fusion={"model": "null"})
    report = tmp_path / "report.json"
    with running(path, "-v", "--report", str(report)) as run:
        run.wait_for("gate: ")
        config(tmp_path, {"gate": camera | {"gain": {"low": 3}}}, fusion={"model": "null"})
        run.process.send_signal(signal.SIGHUP)
        run.wait_for("yard: the settings stay as they are: the pair yard is not in the file any more")
        run.stop()
    told = json.loads(report.read_text())["pairs"]
    assert told["gate"]["changes"] and not told["yard"]["changes"]


def test_the_settings_of_every_pair_are_shown(gifnet: Gifnet, tmp_path: Path) -> None:
    path = config(tmp_path, {"gate": recorded(tmp_path, "gate"), "yard": recorded(tmp_path, "yard")})
    done = gifnet("run", "-c", path, "--model", "lite", "--print-config")
    shown = yaml.safe_load(done.out)
    assert done.status == 0 and shown["sharing"]["wait_ms"] == 2
    assert [shown["pairs"][name]["fusion"]["model"] for name in ("gate", "yard")] == ["lite", "lite"]
    again = tmp_path / "again.yaml"
    again.write_text(done.out)
    assert gifnet("run", "-c", again).status == 0
