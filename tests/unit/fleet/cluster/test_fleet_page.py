from __future__ import annotations

import asyncio
import json
import threading
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.errors import ConfigError
from stream.fleet.cluster.fleet_metrics import fleet_exposition
from stream.fleet.cluster.fleet_page import FleetPage
from stream.fleet.cluster.table import PairRow
from stream.web.loop import LoopThread

ROWS = [
    PairRow(
        "gate", "running", node="pole-1", frames_in={"visible": 9}, fused=7, dropped={"visible_unpaired": 2}
    ),
    PairRow("yard", "down", why="ended with status 1", restarts=3),
]
OF_A_RUN = """# HELP gifnet_camera_state 1 for the state.
# TYPE gifnet_camera_state gauge
gifnet_camera_state{camera="visible",state="streaming"} 1.0
# TYPE gifnet_latency_seconds histogram
gifnet_latency_seconds_bucket{le="0.1"} 4.0
gifnet_latency_seconds_bucket{le="+Inf"} 5.0
gifnet_latency_seconds_count 5.0
gifnet_latency_seconds_sum 0.5
"""


def test_numbers_of_all_runs_have_pair_and_node_and_stand_beside_those_of_the_fleet() -> None:
    text = fleet_exposition(ROWS, {"gate": OF_A_RUN}).decode()
    assert text.count("# TYPE gifnet_camera_state gauge") == 1
    found = {
        (sample.name, sample.labels["pair"], sample.labels["node"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["gifnet_fleet_up", "gate", "pole-1"] == 1 and found["gifnet_fleet_up", "yard", ""] == 0
    assert found["gifnet_fleet_frames_fused_total", "gate", "pole-1"] == 7
    assert found["gifnet_fleet_frames_dropped_total", "gate", "pole-1"] == 2
    assert found["gifnet_fleet_restarts_total", "yard", ""] == 3
    assert found["gifnet_camera_state", "gate", "pole-1"] == 1
    assert found["gifnet_latency_seconds_count", "gate", "pole-1"] == 5


def test_the_page_shows_pairs_and_pictures_and_pictures_are_asked_for_while_somebody_looks() -> None:
    pictures = {"gate": b"\xff\xd8 a picture"}
    page = FleetPage(lambda: ROWS, lambda pair: pictures.get(pair, b""), lambda pair: "")
    with LoopThread("page") as loop:
        loop.run(page.open({"bind": "127.0.0.1:0", "hosts": [], "token": ""}))
        try:
            assert not page.is_watched
            pairs = json.loads(urlopen(f"{page.address}api/pairs").read())["pairs"]
            assert [pair["state"] for pair in pairs] == ["running", "down"] and page.is_watched
            assert urlopen(f"{page.address}api/picture/gate").read() == pictures["gate"]
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"{page.address}api/picture/pole")
            assert b"gifnet_fleet_up" in urlopen(f"{page.address}metrics").read()
            for name in ("", "fleet.js", "fleet.css"):
                assert urlopen(page.address + name).status == 200
        finally:
            loop.run(page.close())


def test_an_address_that_is_none_is_one_sentence() -> None:
    page = FleetPage(list, lambda pair: b"", lambda pair: "")
    with pytest.raises(ConfigError, match=r"page\.bind must be HOST:PORT"):
        asyncio.run(page.open({"bind": "8080", "hosts": [], "token": ""}))


def test_errors_of_the_page_are_sentences() -> None:
    def broken() -> list[PairRow]:
        raise ConfigError("the state cannot be written: the disk is full")

    page = FleetPage(broken, lambda pair: b"", lambda pair: "")
    with LoopThread("page") as loop:
        loop.run(page.open({"bind": "127.0.0.1:0", "hosts": [], "token": ""}))
        try:
            for path, status, words in (
                ("api/pairs", 422, "the disk is full"),
                ("none", 404, "GET /none: not found"),
            ):
                with pytest.raises(HTTPError) as told:
                    urlopen(page.address + path)
                with told.value as answer:
                    assert answer.status == status and words in json.loads(answer.read())["error"]
        finally:
            loop.run(page.close())


def test_numbers_are_collected_where_the_state_changes() -> None:
    """On the loop: a dictionary that changes while another thread goes through it gives an error."""
    threads: list[str] = []

    def metrics(pair: str) -> str:
        threads.append(threading.current_thread().name)
        return OF_A_RUN

    page = FleetPage(lambda: ROWS, lambda pair: b"", metrics)
    with LoopThread("page") as loop:
        loop.run(page.open({"bind": "127.0.0.1:0", "hosts": [], "token": ""}))
        try:
            assert b"gifnet_camera_state" in urlopen(f"{page.address}metrics").read()
        finally:
            loop.run(page.close())
    assert len(threads) == 2 and set(threads) == {"page"}
