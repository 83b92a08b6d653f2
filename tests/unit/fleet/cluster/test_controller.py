"""The controller without a cluster: nodes are an empty list."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import stream.cluster.connection
from stream.fleet.cluster.controller import Controller
from stream.fleet.cluster.counts import Counts
from stream.fleet.cluster.spec import PairSpec
from tests.helpers.patience import patience


def test_counts_that_were_told_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a controller that is killed and started again would tell smaller ones."""
    monkeypatch.setattr(stream.cluster.connection, "import_ray", lambda: SimpleNamespace(nodes=list))
    counts = Counts(fused=1192).as_json()
    report = {"pair": "gate", "node": "n1", "actor": "a", "run": "r", "state": "running", "counts": counts}

    async def told() -> int:
        controller = Controller("fleet", "space", str(tmp_path), {"bind": "127.0.0.1:0"})
        controller.apply([PairSpec("gate", ("run",), "/srv/gate", "1.0").as_json()], prune=False)
        controller.report(report)
        return controller.rows()[0].fused

    assert asyncio.run(told()) == 1192
    saved = json.loads((tmp_path / "controller.json").read_text())
    assert saved["pairs"]["gate"]["ledger"]["runs"]["r"][0]["fused"] == 1192


def test_an_actor_that_does_not_go_holds_the_controller_up_only_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a node that answers no more; it is killed again in the next step."""
    asked: list[str] = []

    def get_actor(name: str, namespace: str) -> str:
        if len(asked) > 1:
            raise ValueError(name)
        return name

    ray = SimpleNamespace(nodes=list, get_actor=get_actor, kill=asked.append)
    monkeypatch.setattr(stream.cluster.connection, "import_ray", lambda: ray)
    monkeypatch.setattr("stream.fleet.cluster.controller.KILL_S", 0.05)

    async def kill() -> None:
        controller = Controller("fleet", "space", str(tmp_path), {"bind": "127.0.0.1:0"})
        controller.apply([PairSpec("gate", ("run",), "/srv/gate", "1.0").as_json()], prune=False)
        record = controller._state.pairs["gate"]
        record.place()
        await controller._kill("gate")
        assert record.placed is not None and asked == ["pair-gate"]
        monkeypatch.setattr("stream.fleet.cluster.controller.KILL_S", patience(20))
        await controller._kill("gate")
        assert record.placed is None and asked == ["pair-gate", "pair-gate"]

    asyncio.run(kill())
