from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from stream.config.many.fleet import FleetPairSettings
from stream.config.validate import validate
from stream.errors import ConfigError
from stream.fleet.cluster.examine import examine_node
from stream.fleet.cluster.spec import PairSpec, Placement, other_files, unfit
from stream.fleet.cluster.specs import make_specs
from stream.fleet.pairs import load_fleet
from tests.unit.fleet.test_pairs import fleet

SPEC = PairSpec("gate", ("run", "-c", "gate.yaml"), "/srv/gate", version("gifnet-stream"))


def test_a_spec_travels_as_json_and_its_place_is_no_part_of_what_runs() -> None:
    moved = replace(SPEC, placement=Placement(2.0, 0.5, "site=gate"))
    assert PairSpec.from_json(moved.as_json()) == moved
    assert moved.digest == SPEC.digest
    assert replace(SPEC, words=("run", "-c", "yard.yaml")).digest != SPEC.digest
    assert replace(SPEC, again=1).digest != SPEC.digest


def test_a_node_fits_by_what_it_has_in_all_and_by_its_label() -> None:
    placement = Placement(1.0, 0.5, "site=gate")
    assert placement.fits({"CPU": 1, "GPU": 1}, {"site": "gate"})
    assert not placement.fits({"CPU": 1, "GPU": 1}, {"site": "yard"})
    assert not placement.fits({"CPU": 1, "GPU": 1}, {})
    assert not placement.fits({"CPU": 4}, {"site": "gate"})
    assert placement.in_words() == "1 core, 0.5 GPUs and the label site=gate"
    assert Placement(2).in_words() == "2 cores"


def test_another_version_and_other_weights_are_reasons_and_another_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    assert unfit(replace(SPEC, weights={str(file): right})) == ""
    assert unfit(replace(SPEC, weights={str(file): "0"})) == f"the weights {file} are other ones here"
    assert unfit(replace(SPEC, weights={str(tmp_path / "none"): "0"})).endswith("none are not here")
    assert "9.9 is to be used" in unfit(replace(SPEC, version="9.9"))
    assert other_files(replace(SPEC, files={str(file): right})) == []
    assert other_files(replace(SPEC, files={str(file): "0"})) == [f"{file} is another file here"]
    told = examine_node([replace(SPEC, version="9.9").as_json(), replace(SPEC, version="9.9").as_json()])
    assert len(told) == 1 and "(host " in told[0]


def test_specs_name_packaged_weights_by_their_place_in_the_package(tmp_path: Path) -> None:
    outputs = "outputs: [{uri: 'null://'}]\n"
    text = (
        "pairs:\n  gate: {config: gate.yaml, gpus: 0.5, label: site=gate, options: {model: lite}}\n"
        "  yard: {config: yard.yaml, options: {model: 'null', preview: '127.0.0.1:8080', report: r.json}}\n"
    )
    gate, yard = make_specs(load_fleet(fleet(tmp_path, text, gate=outputs, yard=outputs)), tmp_path / "state")
    assert list(gate.weights) == ["packaged:gifnet_lite.safetensors"] and unfit(gate) == ""
    assert list(gate.files) == [str(tmp_path / "gate.yaml")] and other_files(gate) == []
    assert gate.placement == Placement(1.0, 0.5, "site=gate")
    assert gate.words[-1] == "--preview=127.0.0.1:0" and gate.folder == str(tmp_path / "state" / "gate")
    assert yard.weights == {} and yard.report == "r.json" and "--preview=127.0.0.1:0" not in yard.words


@pytest.mark.parametrize("label", ["gate", "a=b=c", "=gate", "site=", "site=a,b"])
def test_what_is_no_label_is_refused(label: str) -> None:
    with pytest.raises(ConfigError, match="label"):
        validate(FleetPairSettings, {"config": "x.yaml", "label": label}, "it")


def test_what_runs_beside_every_pair_loads_neither_ray_nor_anything_large() -> None:
    script = (
        "import sys, stream.fleet.cluster.pair_actor as _; "
        "print(sorted({'ray', 'numpy', 'torch', 'cv2', 'pydantic', 'aiohttp', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
