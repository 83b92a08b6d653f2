"""The state of several pairs, and the report of all of them."""

from __future__ import annotations

import json

from prometheus_client.parser import text_string_to_metric_families

from stream.errors import SourceError
from stream.monitoring.pairs import PairState, exposition_of_pairs, reports_as_json
from stream.monitoring.report import RunReport
from tests.helpers.clock import HandClock


def pair(name: str) -> PairState:
    return PairState(name, RunReport(HandClock()))


def test_a_pair_is_ready_once_it_has_ended_well_and_not_when_it_failed() -> None:
    running, done, failed = pair("running"), pair("done"), pair("failed")
    done.report.finish(None)
    failed.report.finish(SourceError("the camera is gone"))
    done.has_ended = failed.has_ended = True
    assert running.not_ready() == "its stages are being built"
    assert done.not_ready() == ""
    assert failed.not_ready() == "it has ended: the camera is gone"


def test_numbers_tell_which_pairs_still_run() -> None:
    pairs = [pair("gate"), pair("yard")]
    pairs[1].has_ended = True
    families = {
        family.name: family for family in text_string_to_metric_families(exposition_of_pairs(pairs).decode())
    }
    running = families["gifnet_pair_running"].samples
    assert {sample.labels["pair"]: sample.value for sample in running} == {"gate": 1, "yard": 0}
    assert "process_resident_memory_bytes" in families


def test_the_report_of_all_is_complete_when_each_is() -> None:
    pairs = [pair("gate"), pair("yard")]
    pairs[0].report.finish(None)
    pairs[1].report.finish(SourceError("the camera is gone"))
    told = reports_as_json(pairs, {"lite cpu": {"1": 3}})
    assert told["schema"] == "gifnet.pairs/1" and not told["complete"]
    assert told["batches"] == {"lite cpu": {"1": 3}}
    assert [told["pairs"][name]["error"] for name in ("gate", "yard")] == [None, "the camera is gone"]
    assert json.loads(json.dumps(told)) == told
