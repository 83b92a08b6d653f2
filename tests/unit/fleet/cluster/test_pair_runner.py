"""The loop beside a pair with real runs, and a controller that is a function of the test."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from stream.fleet.cluster.node.pair_runner import PairRunner
from stream.fleet.cluster.node.warm_start import starter_socket
from stream.fleet.cluster.spec import PairSpec
from tests.helpers.patience import patience

SOURCE = "loop://synthetic://street?seed=3&size=64x48&rate=10"
NODE = "0123456789abcdef0123"


@pytest.fixture(autouse=True)
def own_runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # The path of a socket has 107 bytes at most, and tmp_path is long.
    with TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield


def spec(folder: Path, *words: str, is_quick: bool = False) -> PairSpec:
    line = ("run", SOURCE, SOURCE, "--output=null://", "--model=null", "--device=cpu", *words)
    line = (*line, "--preview=127.0.0.1:0")
    return PairSpec("gate", line, str(folder / "gate"), version("gifnet-stream"), is_quick=is_quick)


class Controller:
    """Keeps what the runner tells, and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"end": False, "picture": True}

    async def tell(self, message: dict[str, Any]) -> dict[str, Any]:
        self.seen.append(message)
        return self.answer

    async def wait_for(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(patience(60)):
            while not (self.seen and condition(self.seen[-1])):
                await asyncio.sleep(0.05)
        return self.seen[-1]


@asynccontextmanager
async def served(controller: Controller, of: PairSpec) -> AsyncIterator[PairRunner]:
    runner = PairRunner("fleet", of, NODE, controller.tell)
    work = asyncio.create_task(runner.serve())
    try:
        yield runner
    finally:
        controller.answer = {"end": True}
        await asyncio.wait_for(work, patience(60))


def test_a_run_that_is_killed_begins_again_and_its_frames_are_not_lost(tmp_path: Path) -> None:
    async def live() -> None:
        controller = Controller()
        async with served(controller, spec(tmp_path)) as runner:
            first = await controller.wait_for(lambda seen: "picture" in seen and seen["counts"]["fused"] > 5)
            assert first["picture"].startswith(b"\xff\xd8")
            numbers = [seen["metrics"] for seen in controller.seen if "metrics" in seen]
            assert "gifnet_frames_fused_total" in numbers[0]
            assert first["cameras"] == {"visible": "streaming", "thermal": "streaming"}
            os.kill(first["process"], signal.SIGKILL)
            again = await controller.wait_for(lambda seen: seen.get("run", first["run"]) != first["run"])
            assert again["process"] != first["process"] and again["run"] > first["run"]
            await controller.wait_for(lambda seen: bool(seen.get("ready")))
            assert any("the page is at" in line for line in runner.log.after(-1, 10)[1])
            other = replace(spec(tmp_path), again=1)
            controller.answer = controller.answer | {"spec": other.as_json()}
            await controller.wait_for(lambda seen: bool(seen.get("ready")) and seen["spec"] == other.digest)
        ended = {run for seen in controller.seen for run in seen["ended_runs"]}
        assert controller.seen[-1]["state"] == "ended"
        assert len(ended) == 2 and first["run"] not in ended  # both that ended by themselves reported
        last = controller.seen[-1]["ended_runs"] or controller.seen[-2]["ended_runs"]
        for counts in last.values():
            dropped = sum(n for reason, n in counts["dropped"].items() if reason.startswith("visible_"))
            assert counts["frames_in"]["visible"] == counts["fused"] + dropped

    asyncio.run(live())


def test_a_run_that_cannot_begin_is_told_with_its_own_sentence(tmp_path: Path) -> None:
    async def live() -> None:
        controller = Controller()
        async with served(controller, spec(tmp_path, "--calibration=none.yaml")):
            down = await controller.wait_for(lambda seen: seen["state"] == "down" and seen["why"] != "")
            assert down["why"].startswith("ended with status 1: gifnet: ") and "none.yaml" in down["why"]

    asyncio.run(live())


def test_another_version_is_refused_and_nothing_is_started(tmp_path: Path) -> None:
    async def live() -> None:
        controller = Controller()
        async with served(controller, replace(spec(tmp_path), version="9.9")):
            down = await controller.wait_for(lambda seen: seen["state"] == "down" and seen["why"] != "")
            assert "9.9 is to be used" in down["why"]

    asyncio.run(live())


def test_a_controller_that_is_away_holds_no_pair_up(tmp_path: Path) -> None:
    async def live() -> None:
        controller, told = Controller(), asyncio.Event()

        async def away(message: dict[str, Any]) -> dict[str, Any]:
            controller.seen.append(message)
            if message.get("ready"):
                told.set()
            if not told.is_set():
                raise ConnectionError
            return {"end": True}

        runner = PairRunner("fleet", spec(tmp_path), NODE, away)
        await asyncio.wait_for(runner.serve(), patience(60))
        assert controller.seen[-1]["ended_runs"]

    asyncio.run(live())


def test_a_starter_begins_runs_that_end_with_their_actor(tmp_path: Path) -> None:
    script = (
        "import asyncio, json, sys\n"
        "from pathlib import Path\n"
        "from stream.fleet.cluster.node.pair_runner import PairRunner\n"
        "from stream.fleet.cluster.spec import PairSpec\n"
        "async def tell(message):\n"
        "    message.pop('picture', None)\n"
        "    print(json.dumps(message), flush=True)\n"
        "    return {'end': False}\n"
        "spec = PairSpec.from_json(json.loads(sys.argv[1]))\n"
        f"asyncio.run(PairRunner('fleet', spec, '{NODE}', tell).serve())\n"
    )
    words = [sys.executable, "-c", script, json.dumps(spec(tmp_path, is_quick=True).as_json())]
    path = starter_socket(NODE)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as actor, ExitStack() as stack:
        stack.callback(actor.kill)
        assert actor.stdout
        seen = (json.loads(line) for line in actor.stdout)
        first = next(message for message in seen if message.get("ready"))
        next(message for message in seen if path.exists())
        os.kill(first["process"], signal.SIGKILL)
        warm = next(message for message in seen if message.get("ready") and message["run"] != first["run"])
        line = Path(f"/proc/{warm['process']}/cmdline").read_bytes()
        assert b"stream.fleet.cluster.node.starter" in line
        starter = Path(f"/proc/{warm['process']}/stat").read_text().rpartition(")")[2].split()[1]
    asyncio.run(gone(warm["process"]))
    os.kill(int(starter), signal.SIGKILL)
    reports = list((tmp_path / "gate" / "reports").glob("*.json"))
    assert [report.stem for report in reports] == [warm["run"]]


async def gone(process: int) -> None:
    async with asyncio.timeout(patience(30)):
        while Path(f"/proc/{process}").exists():
            await asyncio.sleep(0.05)
