from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from stream.fleet.pairs import load_fleet
from stream.fleet.systemd import write_units
from tests.unit.fleet.test_pairs import fleet

TEMPLATE = Path(__file__).parents[3] / "deploy" / "gifnet@.service"
OUTPUTS = "outputs: [{uri: 'null://'}]\n"
TWO = """
pairs:
  gate: {config: gate.yaml, options: {visible_name: '50 % of $5'}}
  yard: {config: yard.yaml}
"""


def test_units_are_written_once_and_what_the_fleet_has_no_more_is_told(tmp_path: Path) -> None:
    units = tmp_path / "units"
    units.mkdir()
    (units / "gifnet-own.service").write_text("[Service]\n")
    path = fleet(tmp_path, TWO, gate=OUTPUTS, yard=OUTPUTS)
    changed, old = write_units(load_fleet(path), units, "me")
    assert [each.name for each in changed] == [
        "gifnet-gate.service",
        "gifnet-yard.service",
        "gifnet-fleet.target",
    ]
    assert old == []
    text = (units / "gifnet-gate.service").read_text()
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert line.endswith(f'run -c {tmp_path}/gate.yaml "--visible-name=50 %% of $$5"')
    assert "User=me" in text
    assert "Wants=gifnet-gate.service gifnet-yard.service" in (units / "gifnet-fleet.target").read_text()

    path.write_text("pairs:\n  yard: {config: yard.yaml}\n")
    changed, old = write_units(load_fleet(path), units, "me")
    assert [each.name for each in changed] == ["gifnet-fleet.target"]
    assert [each.name for each in old] == ["gifnet-gate.service"]


def test_rights_are_those_of_the_unit_of_a_single_pair(tmp_path: Path) -> None:
    write_units(load_fleet(fleet(tmp_path, TWO, gate=OUTPUTS, yard=OUTPUTS)), tmp_path, "gifnet")
    mine = (tmp_path / "gifnet-yard.service").read_text().splitlines()
    theirs = TEMPLATE.read_text().splitlines()
    differ = (
        "ExecStart",
        "WorkingDirectory",
        "StateDirectory",
        "RestartSec",
        "ProtectHome",
        "Description",
        "WantedBy",
    )
    missing = [line for line in theirs if line not in mine and not line.startswith((*differ, "#"))]
    assert not missing


def test_systemd_takes_them(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze")
    changed, _ = write_units(load_fleet(fleet(tmp_path, TWO, gate=OUTPUTS, yard=OUTPUTS)), tmp_path, "root")
    line = ["systemd-analyze", "verify", "--man=no", *map(str, changed)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    about_ours = [line for line in done.stderr.splitlines() if "gifnet" in line]
    assert not about_ours
