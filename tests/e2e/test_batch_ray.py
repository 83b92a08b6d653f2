"""`gifnet batch --ray` on clusters of processes; the whole proof is `benchmarks/cluster.py`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import stream
from tests.e2e.conftest import Gifnet
from tests.helpers.batch import command
from tests.helpers.media import make_pair
from tests.helpers.patience import patience
from tests.helpers.ray_nodes import RayNodes, need_ray, ray_nodes
from tests.helpers.readback import count_frames, read_times

# One cluster at a time, of all processes of the tests.
pytestmark = pytest.mark.xdist_group("ray")

ROWS = 12
LONG = "synthetic://street?seed=1&size=64x48&duration=3600"


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    need_ray()
    with ray_nodes(2) as found:
        yield found


def batch(manifest: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: Ray connects once a process."""
    return subprocess.run(
        command(manifest, out, *words), capture_output=True, text=True, timeout=patience(200), check=False
    )


@pytest.mark.ray
def test_nodes_do_all_rows_once(nodes: RayNodes, tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=5, size=(64, 48), rate=5)
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 99)
    rows = [{"visible": visible.name, "thermal": thermal.name, "output": f"{row}.mp4"} for row in range(ROWS)]
    rows.append({"visible": visible.name, "thermal": "broken.mp4", "output": "bad.mp4"})
    manifest, out = tmp_path / "pairs.jsonl", tmp_path / "out"
    manifest.write_text("\n".join(map(json.dumps, rows)))
    done = batch(manifest, out, "--ray", nodes.address)
    assert done.returncode == 3, done.stderr
    assert "1: an input cannot be read (bad.mp4)" in done.stderr
    records = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert Counter(record["status"] for record in records) == {"done": ROWS, "failed": 1}
    assert [count_frames(out / f"{row}.mp4") for row in range(ROWS)] == [5] * ROWS
    again = batch(manifest, out, "--ray", nodes.address, "-n")
    assert again.stdout.splitlines()[-1].endswith(f"{ROWS} done before")


@pytest.mark.ray
def test_nodes_share_the_parts_of_one_recording(nodes: RayNodes, tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=60, size=(64, 48), rate=10)
    manifest, out = tmp_path / "pairs.csv", tmp_path / "out"
    manifest.write_text(f"visible,thermal,output\n{visible.name},{thermal.name},x.mp4\n")
    done = batch(manifest, out, "--ray", nodes.address, "--cut", "1.5")
    assert done.returncode == 0, done.stderr
    assert read_times(out / "x.mp4") == read_times(visible)
    (record,) = map(json.loads, (out / "results.jsonl").read_text().splitlines())
    assert (record["fused"], record["cut"]["parts"], record["attempts"]) == (60, 4, 1)


@pytest.mark.ray
def test_ctrl_c_twice_stops_what_the_nodes_do(nodes: RayNodes, tmp_path: Path) -> None:
    rows = [{"visible": LONG, "thermal": LONG, "output": f"{row}.mp4"} for row in range(4)]
    manifest, out = tmp_path / "pairs.jsonl", tmp_path / "out"
    manifest.write_text("\n".join(map(json.dumps, rows)))
    line = command(manifest, out, "--ray", nodes.address)
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        end_s = time.monotonic() + patience(120)
        while not list(out.glob(".batch/*/*.mp4")):
            assert process.poll() is None and time.monotonic() < end_s
            time.sleep(0.2)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(1)
        err = process.communicate(timeout=patience(60))[1]
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("gifnet: stopped by SIGINT; 4 rows were not done")
    assert sorted(path.name for path in out.rglob("*")) == [".batch", "lock", "results.jsonl"]


@pytest.mark.ray
def test_more_than_any_node_has_is_one_sentence(nodes: RayNodes, tmp_path: Path) -> None:
    make_pair(tmp_path, count=2, size=(64, 48), rate=5)
    done = batch(tmp_path, tmp_path / "out", "--ray", nodes.address, "--ray-gpus", "1")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("gifnet: no node of the Ray cluster")


def test_a_cluster_that_is_not_there_is_one_sentence(gifnet: Gifnet, tmp_path: Path) -> None:
    make_pair(tmp_path, count=2, size=(64, 48), rate=5)
    done = gifnet("batch", tmp_path, "-o", tmp_path / "out", "--ray", "127.0.0.1:1")
    assert done.status == 1
    assert "no Ray cluster answers at 127.0.0.1:1" in done.err
    swallowed = gifnet("batch", "-o", tmp_path / "out", tmp_path, "--ray", "pairs.csv")
    assert "put the manifest before it" in swallowed.err


def test_ray_is_imported_for_a_cluster_alone() -> None:
    root = Path(stream.__file__).parent
    naming = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"^\s*(import|from) ray\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(naming) == ["batch/ray_engine.py", "cluster/connection.py", "fleet/cluster/client.py"]
