"""The example that tells Home Assistant of objects, against a real broker."""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.client import ObjectSubscriber
from stream.sinks import SinkOptions
from stream.sinks.zeromq.publisher import PublisherSink
from stream.uri import parse_uri
from stream.zeromq.objects import FoundObject, FoundObjects
from tests.helpers.patience import patience

EXAMPLE = Path(__file__).parents[2] / "examples" / "mqtt_objects.py"
mqtt = pytest.importorskip("paho.mqtt.client", reason="the example needs paho-mqtt")
TWO = FoundObjects(
    "main", 3, 0.12, 1, 2, (), (64, 48), {"name": "x", "sha256": "0" * 64}, 1.0,
    (FoundObject("person", 0.9, (1, 2, 3, 4)), FoundObject("person", 0.8, (5, 6, 7, 8))),
)  # fmt: skip


@pytest.fixture(scope="module")
def example() -> Any:
    specification = importlib.util.spec_from_file_location("mqtt_objects", EXAMPLE)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def broker() -> Iterator[str]:
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("no mosquitto; install it to test the MQTT example")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([found, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end_s = time.monotonic() + patience(10)
        while time.monotonic() < end_s:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_counts_and_sensors_reach_the_broker(example: Any, broker: str) -> None:
    heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
    listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    listener.on_connect = lambda client, *_: client.subscribe([("gifnet/#", 1), ("homeassistant/#", 1)])
    listener.on_message = lambda client, data, message: heard.put((message.topic, message.payload))
    host, _, port = broker.partition(":")
    listener.connect(host, int(port))
    listener.loop_start()
    client, reporter = example.connected(broker, "main")
    example.QUIET_S = 1.0
    stop = threading.Event()
    with PublisherSink(parse_uri("zmq+tcp://127.0.0.1:0"), SinkOptions()) as sink:

        def publish() -> None:
            while not stop.wait(0.05):
                sink.tell(TWO)

        publisher = threading.Thread(target=publish)
        passing = threading.Thread(
            target=example.report, args=(ObjectSubscriber(sink.endpoint), reporter, range(1))
        )
        publisher.start()
        passing.start()
        try:
            told = _until(heard, "gifnet/main/objects")
        finally:
            stop.set()
            publisher.join()
            passing.join()
    told |= _until(heard, "gifnet/main/available", b"offline")  # nothing came for a while
    client.loop_stop()
    client.disconnect()
    listener.loop_stop()
    sensor = json.loads(told["homeassistant/sensor/gifnet_main_person/config"])
    assert told[sensor["state_topic"]] == b"2" and told["gifnet/main/vehicle"] == b"0"
    assert sensor["availability_topic"] == "gifnet/main/available"
    assert json.loads(told["gifnet/main/objects"])["seq"] == 3


def _until(heard: queue.Queue[tuple[str, bytes]], topic: str, payload: bytes = b"") -> dict[str, bytes]:
    """Everything up to a message of a topic, by topic."""
    told: dict[str, bytes] = {}
    while topic not in told or not told[topic].startswith(payload):
        name, content = heard.get(timeout=patience(20))
        told[name] = content
    return told
