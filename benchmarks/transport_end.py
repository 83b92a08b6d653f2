"""One end of a transport, in a process of its own: sends stamped frames, or reads them and tells their age.

python -m benchmarks.transport_end send|read '{"transport": ..., ...}', started by benchmarks.transport

Every frame carries the time at which it was handed over in its first eight bytes, so that all transports are
measured alike.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

Send = Callable[[Any, int], object]

# All transports send without copying: a frame may be written to again only when nobody has it any more.
RING_BYTES = 400_000_000


def main() -> None:
    role, plan = sys.argv[1], json.loads(sys.argv[2])
    # Behind everything else, so that numpy, OpenCV and pyzmq are the same for all.
    sys.path.extend([plan["rivals"]] if plan["rivals"] else [])
    with suppress(BrokenPipeError, KeyboardInterrupt):
        (send if role == "send" else read)(plan)


def send(plan: dict[str, Any]) -> None:
    """Send until killed; a line each second tells frames and processor time of that second."""
    width, height = plan["size"]
    count = RING_BYTES // (width * height * 3)
    ring = np.random.default_rng(1).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    hand_over, rate = SENDERS[plan["transport"]](plan), plan["rate"]
    begun_s = mark_s = time.perf_counter()
    spent_s, sent = time.process_time(), 0
    for index in itertools.count(1):
        if rate:
            time.sleep(max(0.0, begun_s + index / rate - time.perf_counter()))
        hand_over(ring[index % count], index)
        sent, now_s = sent + 1, time.perf_counter()
        if now_s - mark_s >= 1:
            now_spent_s = time.process_time()
            print(
                json.dumps([sent / (now_s - mark_s), (now_spent_s - spent_s) / (now_s - mark_s)]), flush=True
            )
            spent_s, mark_s, sent = now_spent_s, now_s, 0


def stamped(frame: Any) -> Any:
    """The frame, with the time in it."""
    frame.reshape(-1)[:8].view(np.int64)[0] = time.time_ns()
    return frame


def read(plan: dict[str, Any]) -> None:
    """Read for a while after a second of warming up, then tell ages and frames a second."""
    ages_ms, pause_s, begun_s = [], plan["pause_s"], 0.0
    for frame in READERS[plan["transport"]](plan):
        age_ms = (time.time_ns() - int(frame.reshape(-1)[:8].view(np.int64)[0])) / 1e6
        now_s = time.perf_counter()
        begun_s = begun_s or now_s
        if now_s - begun_s > 1:
            ages_ms.append(age_ms)
        if now_s - begun_s > 1 + plan["seconds"]:
            break
        if pause_s:
            time.sleep(pause_s)
    print(json.dumps({"ages_ms": ages_ms, "seconds": time.perf_counter() - begun_s - 1}), flush=True)


def _send_ours(plan: dict[str, Any]) -> Send:
    from stream.frame import Frame, FramePair, FusedFrame
    from stream.sinks.base import SinkOptions
    from stream.sinks.zeromq.publisher import PublisherSink
    from stream.uri import parse_uri

    options = [f"keys={plan['keys']}"] if plan["keys"] else []
    options += ["wait_ms=1000"] if plan["mode"] == "waiting" else []
    sink = PublisherSink(parse_uri(f"zmq+{plan['address']}?{'&'.join(options)}"), SinkOptions())

    def write(pixels: Any, index: int) -> None:
        time_s = Fraction(time.time_ns(), 1_000_000_000)
        visible, grey = Frame(pixels, "rgb24", time_s, "rtcp", index), pixels[..., 0]
        pair = FramePair(visible, Frame(grey, "gray8", time_s, "rtcp", index), time_s, 0.0)
        frame = FusedFrame(pixels, pixels, grey, pair, index)
        stamped(pixels)
        sink.write(frame)

    return write


def _read_ours(plan: dict[str, Any]) -> Iterator[Any]:
    from stream.client.subscriber import Subscriber

    folder = Path(plan["keys"]) if plan["keys"] else None
    keys = (folder / "reader.key_secret", folder / "server.key") if folder else None
    camera = Subscriber(plan["address"], keys=keys)
    return (frame.pixels for frame in (camera.latest() if plan["latest"] else camera.every()))


def _send_imagezmq(plan: dict[str, Any]) -> Send:
    import imagezmq

    sender = imagezmq.ImageSender(plan["address"], REQ_REP=plan["mode"] == "req/rep")
    return lambda pixels, index: sender.send_image("main", stamped(pixels))


def _read_imagezmq(plan: dict[str, Any]) -> Iterator[Any]:
    import imagezmq

    reply = plan["mode"] == "req/rep"
    hub = imagezmq.ImageHub(plan["address"], REQ_REP=reply)
    if plan["mode"] == "pub/sub, thread":
        yield from _newest_by_thread(hub)
    while True:
        _, frame = hub.recv_image()
        if reply:
            hub.send_reply(b"OK")
        yield frame


def _newest_by_thread(hub: Any) -> Iterator[Any]:
    """The newest frame that a thread has read, which is what imagezmq advises to slow readers."""
    there, newest = threading.Event(), [None]

    def receive() -> None:
        while True:
            newest[0] = hub.recv_image()[1]
            there.set()

    threading.Thread(target=receive, daemon=True).start()
    while there.wait():
        there.clear()
        yield newest[0]


def _netgear(plan: dict[str, Any], receive: bool) -> Any:
    from vidgear.gears import NetGear

    protocol, _, place = plan["address"].partition("://")
    host, _, port = place.rpartition(":")
    options = {"jpeg_compression": False, "request_timeout": 10, "subscriber_timeout": 10}
    pattern = {"pair": 0, "req/rep": 1, "pub/sub": 2}[plan["mode"]]
    return NetGear(
        address=host, port=port, protocol=protocol, pattern=pattern, receive_mode=receive, **options
    )


def _send_netgear(plan: dict[str, Any]) -> Send:
    server = _netgear(plan, receive=False)
    return lambda pixels, index: server.send(stamped(pixels))


def _read_netgear(plan: dict[str, Any]) -> Iterator[Any]:
    client = _netgear(plan, receive=True)
    while (frame := client.recv()) is not None:
        yield frame


SENDERS: dict[str, Callable[[dict[str, Any]], Send]] = {
    "ours": _send_ours,
    "imagezmq": _send_imagezmq,
    "NetGear": _send_netgear,
}
READERS: dict[str, Callable[[dict[str, Any]], Iterator[Any]]] = {
    "ours": _read_ours,
    "imagezmq": _read_imagezmq,
    "NetGear": _read_netgear,
}


if __name__ == "__main__":
    main()
