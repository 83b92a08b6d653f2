"""Tells an MQTT broker, and so Home Assistant, how many people and vehicles a run sees.

    pip install paho-mqtt
    gifnet run VISIBLE THERMAL --detect -o zmq+tcp://127.0.0.1:5556
    python examples/mqtt_objects.py tcp://127.0.0.1:5556 --broker 192.168.1.10:1883 --user gifnet

For each class `gifnet/STREAM/CLASS` holds how many are seen now, and `gifnet/STREAM/objects` every message
as JSON (`gifnet.objects/1`). Home Assistant finds the sensors by itself (MQTT discovery); they are
unavailable while this program is not running, or nothing comes from the run for ten seconds.
"""

from __future__ import annotations

import argparse
import getpass
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import paho.mqtt.client as mqtt

from stream.client import ObjectSubscriber
from stream.zeromq.objects import FoundObjects

CLASSES = {"person": ("People", "mdi:walk"), "vehicle": ("Vehicles", "mdi:car")}
QUIET_S = 10.0


def discovery(stream: str, name: str) -> tuple[str, str]:
    """Topic and payload by which Home Assistant learns of a sensor."""
    title, icon = CLASSES[name]
    payload = {
        "name": title,
        "unique_id": f"gifnet_{stream}_{name}",
        "state_topic": f"gifnet/{stream}/{name}",
        "availability_topic": f"gifnet/{stream}/available",
        "state_class": "measurement",
        "icon": icon,
        "device": {"identifiers": [f"gifnet_{stream}"], "name": f"gifnet {stream}", "model": "gifnet-stream"},
    }
    return f"homeassistant/sensor/gifnet_{stream}_{name}/config", json.dumps(payload)


class Reporter:
    """Keeps the topics of one stream up to date."""

    def __init__(self, broker: mqtt.Client, stream: str) -> None:
        self._broker, self._stream = broker, stream
        self._told: dict[str, int] = {}

    def begin(self) -> None:
        """Announce the sensors; called at each connection, since the broker may have forgotten them."""
        for name in CLASSES:
            self._broker.publish(*discovery(self._stream, name), qos=1, retain=True)
        self._told = {}

    def available(self, on: bool) -> None:
        """Say whether counts are to be believed."""
        word = "online" if on else "offline"
        self._broker.publish(f"gifnet/{self._stream}/available", word, qos=1, retain=True)

    def tell(self, found: FoundObjects) -> None:
        """Tell of one frame: counts where they changed, and the whole message."""
        counts = Counter(each.name for each in found.objects)
        for name in CLASSES:
            if self._told.get(name) != counts[name]:
                self._broker.publish(f"gifnet/{self._stream}/{name}", counts[name], qos=1, retain=True)
                self._told[name] = counts[name]
        self._broker.publish(f"gifnet/{self._stream}/objects", found.as_json())


def connected(
    broker: str, stream: str, user: str | None = None, password: str | None = None
) -> tuple[Any, Reporter]:
    """A client whose connection is kept up on a thread of its own, and its reporter.

    Args:
        broker: HOST or HOST:PORT.
        stream: id of the camera pair.
        user: name at the broker.
        password: of the user.
    """
    host, _, port = broker.partition(":")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"gifnet-{stream}")
    client.username_pw_set(user, password)
    # Told by the broker when this program is gone.
    client.will_set(f"gifnet/{stream}/available", "offline", qos=1, retain=True)
    reporter = Reporter(client, stream)
    client.on_connect = lambda *_: reporter.begin()
    client.connect(host, int(port or 1883))
    client.loop_start()
    return client, reporter


def report(subscriber: ObjectSubscriber, reporter: Reporter, rounds: Iterable[object]) -> None:
    """Pass on what comes; a pause makes the sensors unavailable until the next message."""
    for _ in rounds:
        on = False
        for found in subscriber.every(timeout_s=QUIET_S):
            if not on:
                reporter.available(on=True)
                on = True
            reporter.tell(found)
        reporter.available(on=False)


def main() -> None:
    """Subscribe to the run and tell the broker."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="of the run's publisher, for example tcp://127.0.0.1:5556")
    parser.add_argument("--stream", default="main")
    parser.add_argument("--broker", default="127.0.0.1:1883", help="HOST:PORT of the MQTT broker")
    parser.add_argument("--user", help="name at the broker; the password is asked for")
    arguments = parser.parse_args()
    password = getpass.getpass("password at the broker: ") if arguments.user else None
    try:
        client, reporter = connected(arguments.broker, arguments.stream, arguments.user, password)
    except (OSError, ValueError) as error:
        raise SystemExit(f"the broker {arguments.broker} cannot be reached: {error}") from None
    try:
        report(ObjectSubscriber(arguments.address, arguments.stream), reporter, iter(int, 1))
    except KeyboardInterrupt:
        reporter.available(on=False)
    finally:
        client.loop_stop()
        client.disconnect()


if __name__ == "__main__":
    main()
