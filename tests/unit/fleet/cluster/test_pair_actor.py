"""The actor of a pair in a process of its own, without Ray, whose loop makes a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stream.fleet.cluster.spec import PairSpec
from tests.helpers.patience import patience

# The run is a process that waits; the third look at it fails as nobody expects.
SCRIPT = """
import asyncio, json, sys
from types import SimpleNamespace
import stream.cluster.connection
from stream.fleet.cluster.node import pair_runner
from stream.fleet.cluster.node.child import Child
from stream.fleet.cluster.pair_actor import PairActor

context = SimpleNamespace(get_node_id=lambda: "node")
stream.cluster.connection.import_ray = lambda: SimpleNamespace(get_runtime_context=lambda: context)
pair_runner.unfit = lambda spec: ""

async def start(spec, log, lock, starter):
    words = (sys.executable, "-c", "import signal; print('it runs', flush=True); signal.pause()")
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    print(process.pid, flush=True)
    return Child(spec, process, "run", log)

async def see(self):
    if self._child and self.log.last == "it runs":
        raise KeyError("nobody expects it")
    return {"state": "starting"}

async def tell(self, message):
    return {"end": False}

pair_runner.start_child, pair_runner.PairRunner._see, PairActor._tell = start, see, tell

async def live():
    PairActor("fleet", "space", json.loads(sys.argv[1]))
    await asyncio.Event().wait()

asyncio.run(live())
"""


def test_an_actor_that_made_a_mistake_ends_its_run_and_itself_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    spec = PairSpec("gate", ("run",), str(tmp_path / "gate"), "1.0").as_json()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(spec)],
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.returncode == 1
    assert "KeyError: 'nobody expects it'" in done.stderr
    assert "KeyError: 'nobody expects it'" in (tmp_path / "gate" / "run.log").read_text()
    (run,) = done.stdout.split()
    assert not Path(f"/proc/{run}").exists()
