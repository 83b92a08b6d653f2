"""A publisher that is told to wait for its subscribers, so that a file loses no frame on the way."""

from __future__ import annotations

import threading

import pytest
import zmq

from stream.client import Subscriber
from stream.sinks import SinkOptions
from stream.sinks.zeromq.publisher import PublisherSink
from stream.uri import parse_uri
from tests.helpers.fused import fused_frame
from tests.helpers.patience import patience

SIZE = (640, 480)
PATIENCE_S = patience(10)
FRAMES = 200


def subscribed(sink: PublisherSink) -> None:
    """Wait until the subscriber has been heard."""
    while not sink._socket.want(b"main/fused"):
        sink._socket.take_subscriptions()


def test_nothing_is_lost_while_the_subscriber_takes_frames() -> None:
    frame = fused_frame(0, size=SIZE)
    with PublisherSink(parse_uri("zmq+tcp://127.0.0.1:0?wait_ms=10000&queue_mb=2"), SinkOptions()) as sink:
        read: list[int] = []

        def listen() -> None:
            for received in Subscriber(sink.endpoint, queue=1).every(PATIENCE_S):
                read.append(received.missed)
                if len(read) == FRAMES:
                    return

        thread = threading.Thread(target=listen)
        thread.start()
        subscribed(sink)
        for index in range(FRAMES):
            sink.write(fused_frame(index, pixels=frame.pixels))
        thread.join()
    assert read == [0] * FRAMES


@pytest.mark.timeout(60)  # waiting for each frame again would take 100 s
def test_a_dead_subscriber_is_waited_for_once() -> None:
    frame = fused_frame(0, size=SIZE)
    with (
        PublisherSink(parse_uri("zmq+tcp://127.0.0.1:0?wait_ms=1000&queue_mb=2"), SinkOptions()) as sink,
        zmq.Context() as context,
        context.socket(zmq.SUB) as dead,
    ):
        dead.setsockopt(zmq.RCVHWM, 1)
        dead.setsockopt(zmq.SUBSCRIBE, b"main/fused")
        dead.connect(sink.endpoint)
        subscribed(sink)
        for index in range(100):
            sink.write(fused_frame(index, pixels=frame.pixels))
        assert sink.written == 100
