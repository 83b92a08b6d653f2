"""`gifnet doctor` on the machine that runs the tests."""

from __future__ import annotations

import json

import pytest
import torch

from gifnet import inventory
from gifnet.model import GIFNet
from gifnet.weights import save
from stream.cli import main


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """Stands for the weights of the package, so that the tests do not hang on these."""
    torch.manual_seed(0)
    path = tmp_path / "gifnet.safetensors"
    save(path, GIFNet(), {})
    monkeypatch.setattr(inventory, "PACKAGED", path)
    monkeypatch.setenv("GIFNET_WEIGHTS_DIR", str(tmp_path / "store"))
    return path


def doctor(capfd, *words):
    with pytest.raises(SystemExit) as leaving:
        main(["doctor", *words])
    captured = capfd.readouterr()
    assert captured.err == ""
    return leaving.value.code or 0, captured.out


def test_everything_that_a_run_needs_is_here(capfd, packaged):
    status, out = doctor(capfd, "--json")
    report = json.loads(out)
    rows = {row["name"]: row for row in report["rows"]}
    assert (status, report["ok"]) == (0, True)
    assert "libx264" in rows["encoders"]["found"]
    assert rows["weights default"]["standing"] == "ok"
    assert rows["weights published"] == {
        "name": "weights published",
        "standing": "missing",
        "found": "not here",
        "remedy": "gifnet weights fetch published",
    }
    assert all(row["remedy"] for row in report["rows"] if row["standing"] != "ok")


def test_damaged_weights_are_a_problem(capfd, packaged):
    packaged.write_bytes(packaged.read_bytes()[:1000])
    status, out = doctor(capfd)
    assert status == 1
    assert "cannot fuse yet" in out and "weights default" in out


def test_the_table_has_a_verdict(capfd, packaged):
    status, out = doctor(capfd)
    assert status == 0
    assert "This machine can fuse on the CPU" in out
