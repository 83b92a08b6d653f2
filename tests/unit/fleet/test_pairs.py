from __future__ import annotations

from pathlib import Path

import pytest

from stream.errors import ConfigError
from stream.fleet.pairs import load_fleet

CAMERAS = "visible: {uri: 'live://synthetic://street'}\nthermal: {uri: 'live://synthetic://street'}\n"


def fleet(folder: Path, text: str, **configs: str) -> Path:
    for name, more in configs.items():
        (folder / f"{name}.yaml").write_text(CAMERAS + more)
    path = folder / "fleet.yaml"
    path.write_text(text)
    return path


def test_a_pair_is_its_configuration_with_the_fleets_options_and_its_own(tmp_path: Path) -> None:
    text = (
        "options: {model: lite, self-align: true}\n"
        "pairs:\n  gate: {config: gate.yaml}\n  yard: {config: yard.yaml, options: {model: full, output: ['null://']}}\n"
    )
    outputs = "outputs: [{uri: 'zmq+tcp://127.0.0.1:5556'}]\n"
    gate, yard = load_fleet(fleet(tmp_path, text, gate=outputs, yard=outputs))
    assert gate.words() == ["run", "-c", f"{tmp_path}/gate.yaml", "--model=lite", "--self-align"]
    assert yard.words()[3:] == ["--model=full", "--self-align", "--output=null://"]
    assert (gate.settings.fusion.model, yard.settings.fusion.model) == ("lite", "full")


def test_all_that_is_wrong_is_told_at_once_by_pair(tmp_path: Path) -> None:
    text = """
pairs:
  a: {config: one.yaml}
  b: {config: two.yaml}
  c: {config: none.yaml}
  d: {config: one.yaml, options: {modell: lite}}
  e: {config: one.yaml, options: {thermal_password: geheim1}}
  "../f": {config: one.yaml}
  g: {config: one.yaml, options: {outputs: 3}}
  h: [one.yaml]
"""
    one = "outputs: [{uri: 'zmq+tcp://127.0.0.1:5556'}]\nmetrics: {bind: '127.0.0.1:9101'}\n"
    two = "outputs: [{uri: 'zmq+tcp://127.0.0.1:5556'}, {uri: x.mp4}]\nmetrics: {bind: '127.0.0.1:9102'}\n"
    with pytest.raises(ConfigError) as caught:
        load_fleet(fleet(tmp_path, text, one=one, two=two))
    head, *lines = str(caught.value).splitlines()
    told = dict(line.strip().split(": ", 1) for line in lines)
    assert head.endswith("7 of 8 pairs are wrong:")
    assert told["b"] == "port 5556 is that of a too; give each pair its own"
    assert "none.yaml cannot be read" in told["c"]
    assert told["d"].startswith("modell: no option of `gifnet run`")
    assert "a command line shows it to everybody" in told["e"] and "geheim1" not in str(caught.value)
    assert "its name must be letters" in told["../f"]
    assert told["g"].startswith("outputs: no option")
    assert told["h"].startswith("it must be a mapping")


@pytest.mark.parametrize("text", ["pairs: {}", "pears: {a: {config: x}}", "- a"])
def test_what_is_no_fleet_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="the fleet"):
        load_fleet(fleet(tmp_path, text))


def test_pairs_of_two_labels_never_share_a_machine_and_may_take_one_port(tmp_path: Path) -> None:
    outputs = "outputs: [{uri: 'zmq+tcp://127.0.0.1:5556'}]\n"
    text = (
        "pairs:\n  a: {config: one.yaml, label: site=a}\n  b: {config: two.yaml, label: site=b}\n"
        "  c: {config: two.yaml, label: kind=b}\n"
    )
    with pytest.raises(ConfigError, match="1 of 3 pairs is wrong") as caught:
        load_fleet(fleet(tmp_path, text, one=outputs, two=outputs))
    assert str(caught.value).splitlines()[1] == "  c: port 5556 is that of a too; give each pair its own"
