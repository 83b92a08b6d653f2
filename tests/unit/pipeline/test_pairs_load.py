"""Configurations of several pairs: what is common, what is of a pair, and what two would both take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.errors import ConfigError
from stream.pipeline.pairs.load import PairsPlan, load_pairs

GATE = """
visible: {uri: gate-v.mp4}
thermal: {uri: gate-t.mp4}
outputs: [{uri: gate.mp4}]
"""
YARD = GATE.replace("gate", "yard")


def load(text: str, **named: Any) -> PairsPlan:
    return load_pairs(yaml.safe_load(text), named, "pairs.yaml")


def pairs(common: str = "", gate: str = GATE, yard: str = YARD) -> str:
    indented = {name: text.strip().replace("\n", "\n    ") for name, text in (("gate", gate), ("yard", yard))}
    return common + "\npairs:\n" + "".join(f"  {name}:\n    {text}\n" for name, text in indented.items())


def problems(text: str, **named: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(text, **named)
    _, *lines = str(caught.value).splitlines()
    return dict(line.strip().split(": ", 1) for line in lines)


def test_what_is_common_holds_where_a_pair_says_nothing_itself() -> None:
    plan = load(
        pairs(
            "fusion: {model: lite, steady: 0.5}\ngain: {method: minmax}\nsharing: {batch: 4, wait_ms: 7}\n",
            gate=GATE + "fusion: {steady: 0.1}\npairing: {tolerance_ms: 20}",
        )
    )
    gate, yard = plan.runs["gate"], plan.runs["yard"]
    assert (gate.fusion.model, gate.fusion.steady, gate.pairing.tolerance_ms) == ("lite", 0.1, 20)
    assert (yard.fusion.model, yard.fusion.steady, yard.pairing.tolerance_ms) == ("lite", 0.5, "auto")
    assert gate.gain.method == yard.gain.method == "minmax"
    assert (plan.settings.sharing.batch, plan.settings.sharing.wait_ms) == (4, 7)


def test_the_command_line_wins_for_every_pair_and_for_the_process() -> None:
    plan = load(pairs("fusion: {model: full}"), model="lite", metrics="127.0.0.1:9100", duration_s=3.0)
    assert [run.fusion.model for run in plan.runs.values()] == ["lite", "lite"]
    assert [run.duration_s for run in plan.runs.values()] == [3.0, 3.0]
    assert plan.settings.metrics.bind == "127.0.0.1:9100"
    assert all(run.metrics.bind is None for run in plan.runs.values())


def test_lists_of_a_pair_replace_common_ones(tmp_path: Path) -> None:
    plan = load(pairs(f"outputs: [{{uri: {tmp_path}/common.mp4}}]", yard=YARD.replace("yard.mp4", "null://")))
    assert [output.uri for output in plan.runs["yard"].outputs] == ["null://"]


@pytest.mark.parametrize("name", ["visible", "thermal", "output", "pair", "preview", "control", "takeover"])
def test_what_only_one_pair_can_have_is_no_option(name: str) -> None:
    with pytest.raises(ConfigError, match="has pairs, each with inputs, outputs and addresses of its own"):
        load(pairs(), **{name: "x"})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("metrics: {bind: '127.0.0.1:9100'}", "metrics is of the whole process; put that beside pairs"),
        ("logs: json", "logs is of the whole process"),
        ("takeover: gate", "takeover is for a process of one pair"),
        ("fusion: {batch: 4}", "fusion.batch is 4, frames of one pair"),
        ("outptus: []", "outptus is not a known key"),
    ],
)
def test_what_a_pair_cannot_have_is_said_by_pair(more: str, words: str) -> None:
    assert problems(pairs(gate=GATE + more))["gate"].find(words) >= 0


@pytest.mark.parametrize(
    ("gate", "yard", "words"),
    [
        (GATE, YARD.replace("yard.mp4", "./gate.mp4"), "gate.mp4 is that of gate too"),
        (GATE, YARD.replace("yard.mp4", "gate-v.mp4"), "the output gate-v.mp4 is an input of gate"),
        (
            GATE + "preview: {bind: '127.0.0.1:8080'}",
            YARD + "control: {bind: 'tcp://127.0.0.1:8080'}",
            "port 8080 is that of gate too",
        ),
        (GATE, YARD + "preview: {bind: '127.0.0.1:9100'}", "port 9100 is that of the metrics too"),
        (
            GATE.replace("gate.mp4", "rtsp://eve:hunter2@127.0.0.1:8554/fused"),
            YARD.replace("yard.mp4", "rtsp://eve:hunter2@127.0.0.1:8554/fused"),
            "the address rtsp://eve:***@127.0.0.1:8554/fused is that of gate too",
        ),
        (GATE + "report: r.json", YARD + "report: r.json", "r.json is that of gate too"),
    ],
)
def test_what_two_pairs_would_both_take_is_refused(gate: str, yard: str, words: str) -> None:
    assert words in problems(pairs("metrics: {bind: '127.0.0.1:9100'}", gate, yard))["yard"]


def test_everything_that_is_wrong_is_told_at_once_without_secrets() -> None:
    told = problems(
        "pairs:\n  '../a': {visible: {uri: x}}\n  b: [1]\n  c: {visible: {uri: 'rtsp://anna:geheim@cam/1'}}\n"
    )
    assert "its name must be letters" in told["../a"]
    assert "it must be a mapping of settings" in told["b"]
    assert "thermal is missing" in told["c"] and "geheim" not in str(told)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pairs: {}", "pairs: "),
        ("pairs: [a]", "pairs: it should be a mapping"),
        ("pairs: {a: {}}\nsharing: {batch: 0}", "sharing.batch"),
        ("pairs: {a: {}}\nsharing: {wait: 1}", "sharing.wait is not a known key, allowed are batch, wait_ms"),
        ("pairs: {a: {}}\nreport: /no/such/folder/r.json", "folder of the report"),
    ],
)
def test_what_is_wrong_with_the_process_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert words in str(caught.value)
