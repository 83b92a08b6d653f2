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
