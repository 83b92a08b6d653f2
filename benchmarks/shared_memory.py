"""Large raw frames to another process of this machine: ZeroMQ over TCP and IPC, or a ring in shared memory.

python -m benchmarks.shared_memory [--seconds 4] [--rounds 3]

The ring keeps the newest frames in slots with a sequence lock: odd while the writer writes. Numbers of frames
go over ZeroMQ, so that the reader sleeps until one is there; it looks at the picture where it lies ("seen in
place"), or copies it out and then checks that it was not overwritten meanwhile, which a reader needs that
keeps a frame. The reader adds up every byte. Age is from before a frame is handed over to after it is
added up; processor time is all that the two processes take, ZeroMQ's threads too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import zmq

ROOT = Path(__file__).parents[1]
SIZES = {"1920x1080": (1920, 1080), "3840x2160": (3840, 2160)}
WAYS = ("zmq+tcp", "zmq+ipc", "ring, seen in place", "ring, copied out")
RATE = 30
SLOTS = 4
HEAD = 64


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] in ENDS:
        ENDS[sys.argv[1]](json.loads(sys.argv[2]))
        return
    from benchmarks.common import circumstances, save

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rounds: dict[tuple[str, str], list[dict[str, float]]] = {}
    for number, size, way in itertools.product(range(arguments.rounds), SIZES, WAYS):
        found = measure(way, SIZES[size], arguments.seconds)
        rounds.setdefault((size, way), []).append(found)
        print(f"{number + 1}: {size} {way}: {found}", flush=True)
    results: dict[str, dict[str, Any]] = {size: {} for size in SIZES}
    for (size, way), all_found in rounds.items():
        results[size][way] = {
            name: round(statistics.median(each[name] for each in all_found), 2) for name in all_found[0]
        }
    what = {"what": "raw RGB frames at 30/s to one other process; medians of the rounds", "cases": results}
    print("written:", save("shared_memory", what | vars(arguments) | {"circumstances": circumstances()}))


def measure(way: str, size: tuple[int, int], seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        address = f"ipc://{folder}/socket" if way != "zmq+tcp" else f"tcp://127.0.0.1:{free_port()}"
        plan = json.dumps({"way": way, "size": size, "address": address, "seconds": seconds})
        command = [sys.executable, "-m", "benchmarks.shared_memory"]
        with subprocess.Popen(
            [*command, "write", plan], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as writer:
            assert writer.stdout
            writer.stdout.readline()
            done = subprocess.run(
                [*command, "read", plan],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
                check=True,
            )
            writer.terminate()
            written = json.loads(writer.communicate()[0].splitlines()[-1])
    read = json.loads(done.stdout)
    return {
        "age_p50_ms": float(np.percentile(read["ages_ms"], 50)),
        "age_p99_ms": float(np.percentile(read["ages_ms"], 99)),
        "frames": len(read["ages_ms"]),
        "writer_core_percent": 100 * float(written),
        "reader_core_percent": 100 * read["core"],
        "core_percent": 100 * (float(written) + read["core"]),
        "torn": read["torn"],
    }


def free_port() -> int:
    with zmq.Context() as context, context.socket(zmq.PUB) as probe:
        return int(probe.bind_to_random_port("tcp://127.0.0.1"))


def write(plan: dict[str, Any]) -> None:
    """Hand a frame over thirty times a second; a line each second tells what share of a core that takes."""
    width, height = plan["size"]
    frame_bytes = width * height * 3
    frames = np.full((max(8, 200_000_000 // frame_bytes), height, width, 3), 99, np.uint8)
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.setsockopt(zmq.SNDHWM, SLOTS)
        socket.bind(plan["address"])
        hand_over = (ring_writer if plan["way"].startswith("ring") else zmq_writer)(socket, frame_bytes)
        print("[]", flush=True)
        begun_s, spent_s = time.perf_counter(), time.process_time()
        for index in itertools.count(1):
            time.sleep(max(0.0, begun_s + index / RATE - time.perf_counter()))
            frame = frames[index % len(frames)]
            frame.reshape(-1)[:8].view(np.int64)[0] = time.time_ns()
            hand_over(index, frame)
            if index % RATE == 0:
                print(json.dumps((time.process_time() - spent_s) / (index / RATE)), flush=True)


def zmq_writer(socket: Any, frame_bytes: int) -> Callable[[int, Any], object]:
    return lambda index, frame: socket.send_multipart([b"%d" % index, frame], copy=False)


def ring_writer(socket: Any, frame_bytes: int) -> Callable[[int, Any], object]:
    memory = SharedMemory(create=True, size=SLOTS * (HEAD + frame_bytes))
    slots = np.frombuffer(memory.buf, np.uint8).reshape(SLOTS, HEAD + frame_bytes)
    locks = slots[:, :8].view(np.int64)

    def hand_over(index: int, frame: Any) -> None:
        slot = index % SLOTS
        locks[slot, 0] = 2 * index - 1
        slots[slot, HEAD:] = frame.reshape(-1)
        locks[slot, 0] = 2 * index
        socket.send_multipart([b"%d" % index, memory.name.encode()])

    return hand_over


def read(plan: dict[str, Any]) -> None:
    """Add every frame up for a while, then tell their ages and the processor time."""
    width, height = plan["size"]
    frame_bytes, ages_ms, torn, begun_s, spent_s = width * height * 3, [], 0, 0.0, 0.0
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(plan["address"])
        source = (
            ring_frames(socket, frame_bytes, plan["way"]) if "ring" in plan["way"] else zmq_frames(socket)
        )
        for pixels, whole in source:
            pixels.reshape(-1).view(np.int64).sum()
            age_ms = (time.time_ns() - int(pixels.reshape(-1)[:8].view(np.int64)[0])) / 1e6
            torn += not whole()
            now_s = time.perf_counter()
            if not begun_s:
                begun_s, spent_s = now_s, time.process_time()
            ages_ms.append(age_ms)
            if now_s - begun_s > plan["seconds"]:
                break
        core = (time.process_time() - spent_s) / (time.perf_counter() - begun_s)
    print(json.dumps({"ages_ms": ages_ms[RATE // 2 :], "core": core, "torn": torn}), flush=True)


def zmq_frames(socket: Any) -> Iterator[tuple[Any, Callable[[], bool]]]:
    while True:
        _, payload = socket.recv_multipart(copy=False)
        yield np.frombuffer(payload.buffer, np.uint8), lambda: True


def ring_frames(socket: Any, frame_bytes: int, way: str) -> Iterator[tuple[Any, Callable[[], bool]]]:
    number, name = socket.recv_multipart()
    memory = SharedMemory(name.decode())
    slots = np.frombuffer(memory.buf, np.uint8)[: SLOTS * (HEAD + frame_bytes)].reshape(SLOTS, -1)
    locks = slots[:, :8].view(np.int64)
    kept = np.empty(frame_bytes, np.uint8)
    while True:
        index = int(number)
        slot = index % SLOTS
        pixels = slots[slot, HEAD:]
        if way.endswith("copied out"):
            np.copyto(kept, pixels)
            pixels = kept
        yield pixels, lambda slot=slot, index=index: int(locks[slot, 0]) == 2 * index
        number, _ = socket.recv_multipart()


ENDS: dict[str, Callable[[dict[str, Any]], None]] = {"write": write, "read": read}


if __name__ == "__main__":
    main()
