"""`gifnet fleet` on a cluster of processes; the whole proof is `benchmarks/fleet.py`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Gifnet
from tests.helpers.media_server import free_port
from tests.helpers.patience import patience, wait_until
from tests.helpers.ray_nodes import RayNodes, need_ray, ray_nodes

# One cluster at a time, of all processes of the tests.
pytestmark = pytest.mark.xdist_group("ray")

SOURCE = "loop://synthetic://street?seed=3&size=64x48&rate=10"
PAIR = f"""
visible: {{uri: '{SOURCE}'}}
thermal: {{uri: '{SOURCE}'}}
outputs: [{{uri: 'null://'}}]
fusion: {{model: 'null'}}
device: cpu
"""
FLEET = """
name: tested
folder: {folder}/state
page: {{bind: '127.0.0.1:0'}}
pairs:
  gate: {{config: gate.yaml, label: site=gate}}
  yard: {{config: yard.yaml}}
"""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    need_ray()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        patch.setenv("OMP_NUM_THREADS", "1")
        with ray_nodes(0) as found:
            found.add(2, node="first", site="gate")
            found.add(2, node="second", site="yard")
            found.cluster.wait_for_nodes()
            yield found


class Fleet:
    """The commands, each in a process of its own: Ray connects once a process."""

    def __init__(self, nodes: RayNodes, folder: Path) -> None:
        self.address, self.path = nodes.address, folder / "fleet.yaml"
        for name in ("gate", "yard"):
            (folder / f"{name}.yaml").write_text(PAIR)
        self.path.write_text(FLEET.format(folder=folder))

    def __call__(self, what: str, *words: str, status: int = 0) -> str:
        line = [sys.executable, "-m", "stream", "fleet", what, str(self.path), *words, "--ray", self.address]
        done = subprocess.run(line, capture_output=True, text=True, timeout=patience(200), check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + ("" if "--json" in words else done.stderr)

    def rows(self, status: int = 0) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in json.loads(self("status", "--json", status=status))["pairs"]}

    def starts(self, name: str) -> int:
        """Processes of a pair so far, from what the controller saves all the time."""
        state = json.loads((self.path.parent / "state" / "controller.json").read_text())
        return int(state["pairs"][name]["ledger"]["starts"])


def accounted(row: dict[str, Any]) -> list[int]:
    """Frames of both sides that are in no book; a living process is not read at one instant."""
    dropped = {
        side: sum(count for reason, count in row["dropped"].items() if reason.startswith(side))
        for side in ("visible", "thermal")
    }
    return [
        row["frames_in"][side] - row["fused"] - dropped[side] - row["on_the_way"][side] for side in dropped
    ]


@pytest.mark.ray
@pytest.mark.timeout(900)  # on a busy machine; commands of their own start slowly
def test_a_fleet_from_up_to_down(nodes: RayNodes, tmp_path: Path) -> None:
    fleet = Fleet(nodes, tmp_path)
    wait = ("--wait", str(patience(100)))
    told = fleet("up", *wait)
    assert "gate: started" in told and "gate: runs on first" in told and "yard: runs on" in told
    before = fleet.rows()

    os.kill(before["gate"]["process"], signal.SIGKILL)
    wait_until(lambda: fleet.starts("gate") == 2, 100)
    assert "gate: as it was" in fleet("up", *wait)
    after = fleet.rows()
    assert after["gate"]["restarts"] == 1 and after["gate"]["fused"] > before["gate"]["fused"]
    assert after["yard"]["run"] == before["yard"]["run"]
    assert max(map(abs, accounted(after["gate"]))) <= 2

    assert "yard: updated" in fleet("update", "yard", *wait)
    assert "gate: runs on second" in fleet("move", "gate", "--to", "site=yard", *wait)
    assert "the page is at" in fleet("logs", "gate")
    assert "pair yard: drained" in fleet("drain", "yard")
    fleet.path.write_text(FLEET.format(folder=tmp_path).replace("  yard: {config: yard.yaml}\n", ""))
    assert "not in the file; `gifnet fleet up --prune` ends it" in fleet("status")
    assert "yard: ended, since the file does not have it" in fleet("up", "--prune", *wait)
    fleet("down")
    assert "the fleet tested does not run on this cluster" in fleet("status", status=1)
    assert fleet.starts("gate") == 3 and fleet.starts("yard") == 2


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_a_lost_node_moves_its_pairs_and_one_that_no_node_can_hold_waits(
    nodes: RayNodes, tmp_path: Path
) -> None:
    fleet = Fleet(nodes, tmp_path)
    fleet.path.write_text(FLEET.format(folder=tmp_path).replace("label: site=gate", "gpus: 1"))
    told = fleet("up", "--wait", str(patience(100)), status=3)
    assert "gate: waiting for a node with 1 core and 1 GPU" in told
    before = fleet.rows(status=3)["yard"]
    nodes.kill(next(node for node in nodes.nodes if nodes.labels[id(node)]["node"] == before["node"]))
    wait_until(lambda: fleet.starts("yard") == 2, 100)
    told = fleet("up", "--wait", str(patience(100)), status=3)
    assert "yard: runs on" in told and f"yard: runs on {before['node']}" not in told
    fleet("down")


@pytest.mark.ray
def test_a_node_of_another_version_is_named(nodes: RayNodes, tmp_path: Path) -> None:
    script = f"""
from stream.config.many.fleet import FleetSettings
from stream.errors import ConfigError
from stream.fleet.cluster.client import open_fleet
from stream.fleet.cluster.spec import PairSpec

settings = FleetSettings(name="other", pairs={{"gate": {{"config": "gate.yaml"}}}})
with open_fleet(settings, "{nodes.address}") as client:
    try:
        client.examine([PairSpec("gate", ("run",), "/tmp", "0.0", files={{"/none.yaml": "0"}})])
    except ConfigError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "nodes cannot run their pairs: " in done.stdout and "0.0 is to be used" in done.stdout, done
    assert "/none.yaml is not here" in done.stdout


def test_a_cluster_that_is_not_there_and_a_wrong_label_are_one_sentence(
    gifnet: Gifnet, tmp_path: Path
) -> None:
    (tmp_path / "gate.yaml").write_text(PAIR)
    (tmp_path / "fleet.yaml").write_text("pairs:\n  gate: {config: gate.yaml}\n")
    closed = f"127.0.0.1:{free_port()}"
    for words in (["up"], ["status"], ["down"]):
        done = gifnet("fleet", *words, tmp_path / "fleet.yaml", "--ray", closed)
        assert done.status == 1 and f"no Ray cluster answers at {closed}" in done.err
    done = gifnet("fleet", "up", tmp_path / "fleet.yaml", "--ray", "local")
    assert done.status == 1 and "a fleet needs a cluster that stays" in done.err
    done = gifnet("fleet", "move", tmp_path / "fleet.yaml", "gate", "--to", "pole", "--ray", closed)
    assert done.status == 1 and "--to takes a label of a node, KEY=VALUE" in done.err


def test_pairs_of_one_machine_need_no_ray(tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text(PAIR)
    (tmp_path / "fleet.yaml").write_text("pairs:\n  gate: {config: gate.yaml}\n")
    script = (
        "import sys; sys.modules['ray'] = None\n"
        "from click.testing import CliRunner\nfrom stream.cli import cli\n"
        f"for what in ('check', 'status'):\n"
        f"    print(CliRunner().invoke(cli, ['fleet', what, r'{tmp_path}/fleet.yaml']).output)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "gate: gifnet run" in done.stdout and "has neither metrics nor a page to ask" in done.stdout
