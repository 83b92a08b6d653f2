"""Pairs of one machine against rate and age: in one process with and without batches, and in a process each.

    python -m benchmarks.pairs --save [--counts 1 2 4 8] [--seconds 10] [--rounds 2]

Every pair is two H.264 clips of a generated street, 640x480, fused by lite to nowhere: played like cameras of
`--rate` frames a second, or read as files, as fast as they can be fused. All ways of a count run in turn, in
every round. Rates, ages (from capture to when every output has the frame) and core time are of a stretch of
`--seconds` that begins when every pair has fused 20 frames, by the runs' own metrics; ages are interpolated
between the bounds of their histogram, but for the mean, which is exact.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.common import circumstances, save

ROOT = Path(__file__).parents[1]
STREET = "synthetic://street?seed=1&size=640x480&rate={rate}&duration=4&light=night"
BEGIN_FRAMES, PATIENCE_S = 20, 300.0
# Way -> frames of a batch; None for a process each.
WAYS: dict[str, int | None] = {"batches": 0, "one after another": 1, "processes": None}
# Counts of a process: fused frames, late frames, and sum, count and buckets of ages.
Counts = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--kinds", nargs="+", default=["cameras", "files"])
    parser.add_argument("--rate", type=int, default=10, help="frames a second of each camera")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--wait-ms", type=float, nargs="*", default=[], help="further waits to try")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        clips = filmed(Path(name), options.rate)
        for count in options.counts:
            for kind in options.kinds:
                rows += of_count(Path(name), clips, count, kind, options)
    result = {"what": (__doc__ or "").splitlines()[0], "circumstances": circumstances(), "rate": options.rate}
    result |= {"seconds": options.seconds, "rounds": options.rounds, "rows": rows}
    if options.save:
        print("written:", save("pairs", result))


def of_count(
    folder: Path, clips: dict[str, Path], count: int, kind: str, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """A row for each way to run so many pairs: medians of all rounds."""
    ways: dict[str, tuple[int | None, float | None]] = {way: (batch, None) for way, batch in WAYS.items()}
    ways |= {f"batches, wait {wait_ms:g} ms": (0, wait_ms) for wait_ms in options.wait_ms}
    if count == 1:
        ways = {"processes": (None, None)}
    measured: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(options.rounds):
        for way, (batch, wait_ms) in ways.items():
            measured[way].append(once(folder, clips, count, kind, batch, wait_ms, options.seconds))
    for way, rounds in measured.items():
        row = {"pairs": count, "kind": kind, "way": way}
        row |= {key: round(statistics.median(one[key] for one in rounds), 2) for key in rounds[0]}
        row["load"] = round(os.getloadavg()[0], 1)
        print(json.dumps(row), flush=True)
        yield row


def once(
    folder: Path,
    clips: dict[str, Path],
    count: int,
    kind: str,
    batch: int | None,
    wait_ms: float | None,
    seconds: float,
) -> dict[str, float]:
    with running(folder, clips, count, kind, batch, wait_ms) as (processes, ports):
        end_s = time.monotonic() + PATIENCE_S
        while not all_begun(ports, count):
            if time.monotonic() > end_s or any(process.poll() is not None for process in processes):
                raise SystemExit(f"{count} pairs of {kind} did not begin")
            time.sleep(0.2)
        begin, used_s, began_s = scraped(ports), core_s(processes), time.monotonic()
        time.sleep(seconds)
        took_s = time.monotonic() - began_s
        delta = {key: value - begin.get(key, 0) for key, value in scraped(ports).items()}
        used_s = core_s(processes) - used_s
        memory_mb = sum(resident_mb(process.pid) for process in processes)
    fused = max(delta["fused"], 1)
    row = {
        "frames_per_s": delta["fused"] / took_s,
        "core_ms_a_frame": 1000 * used_s / fused,
        "cores": used_s / took_s,
        "memory_mb": memory_mb,
    }
    if kind == "cameras":
        row |= {
            "kept": delta["fused"] / max(delta["fused"] + delta["late"], 1),
            "age_ms_mean": 1000 * delta["age_sum"] / max(delta["age_count"], 1),
            "age_ms_p95": 1000 * quantile_s(delta, 0.95),
        }
    return row


@contextmanager
def running(
    folder: Path, clips: dict[str, Path], count: int, kind: str, batch: int | None, wait_ms: float | None
) -> Iterator[tuple[list[subprocess.Popen[bytes]], list[int]]]:
    before = "loop://" if kind == "cameras" else ""
    pair = {side: {"uri": f"{before}{path}"} for side, path in clips.items()} | {
        "outputs": [{"uri": "null://"}]
    }
    common = {"fusion": {"model": "lite"}, "device": "cpu"}
    configs: list[dict[str, Any]] = []
    if batch is None:
        configs = [common | pair for _ in range(count)]
    else:
        sharing = {"batch": batch or None} | ({} if wait_ms is None else {"wait_ms": wait_ms})
        configs = [common | {"sharing": sharing, "pairs": {f"p{index}": pair for index in range(count)}}]
    ports, processes = [], []
    try:
        for index, config in enumerate(configs):
            ports.append(free_port())
            path = folder / f"config-{index}.yaml"
            path.write_text(yaml.safe_dump(config | {"metrics": {"bind": f"127.0.0.1:{ports[-1]}"}}))
            line = [sys.executable, "-m", "stream", "run", "-c", str(path), "-q"]
            processes.append(subprocess.Popen(line, cwd=ROOT))
        yield processes, ports
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            process.wait(60)


def all_begun(ports: list[int], count: int) -> bool:
    begun = 0
    for port in ports:
        with suppress(OSError):
            fused = samples(port, "gifnet_frames_fused_total")
            begun += sum(sample.value >= BEGIN_FRAMES for sample in fused)
    return begun == count


def scraped(ports: list[int]) -> Counts:
    """The counts of all processes together."""
    total: Counts = defaultdict(float)
    for port in ports:
        for sample in samples(port):
            labels = sample.labels
            if sample.name == "gifnet_frames_fused_total":
                total["fused"] += sample.value
            elif sample.name == "gifnet_frames_dropped_total" and labels["reason"].startswith("visible_"):
                total["late"] += sample.value * labels["reason"].endswith(("superseded", "overrun"))
            elif sample.name.startswith("gifnet_stage_seconds") and labels["stage"] == "age_published":
                what = sample.name.rpartition("_")[2]
                total[f"age_{what}{labels.get('le', '')}"] += sample.value
    total["late"] += 0
    return dict(total)


def samples(port: int, name: str = "") -> Iterator[Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    for family in text_string_to_metric_families(text):
        yield from (sample for sample in family.samples if name in ("", sample.name))


def quantile_s(counts: Counts, share: float) -> float:
    """A quantile of the ages, interpolated between two bounds of the histogram."""
    bounds = sorted(float(key.removeprefix("age_bucket")) for key in counts if key.startswith("age_bucket"))
    known = {float(key.removeprefix("age_bucket")): value for key, value in counts.items() if "bucket" in key}
    wanted, below_s, below = share * counts["age_count"], 0.0, 0.0
    for bound_s in bounds:
        if known[bound_s] >= wanted:
            if bound_s == float("inf"):
                return below_s
            return below_s + (bound_s - below_s) * (wanted - below) / max(known[bound_s] - below, 1)
        below_s, below = bound_s, known[bound_s]
    return below_s


def core_s(processes: list[subprocess.Popen[bytes]]) -> float:
    """Seconds of the processor that processes have used so far."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident set now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def filmed(folder: Path, rate: int) -> dict[str, Path]:
    """Both clips: four seconds again and again, 200 in all, in H.264 at the cameras' rate."""
    clips = {}
    for side in ("visible", "thermal"):
        short, clips[side] = folder / f"short-{side}.mp4", folder / f"{side}.mp4"
        line = [sys.executable, "-m", "stream", "run", STREET.format(rate=rate), STREET.format(rate=rate)]
        line += ["-o", str(short), "--view", side, "--model", "null", "--quiet"]
        subprocess.run(line, cwd=ROOT, check=True)
        repeat(short, clips[side], 50)
    return clips


def repeat(clip: Path, out: Path, times: int) -> None:
    """The same packets again and again; a clip begins with a key picture."""
    import av

    with av.open(str(clip)) as container, av.open(str(out), "w") as longer:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        added: Any = longer.add_stream_from_template(stream)
        length = max(packet.pts + packet.duration for packet in packets)
        for turn in range(times):
            for one in packets:
                packet: Any = av.Packet(bytes(one))
                packet.pts, packet.dts = one.pts + turn * length, one.dts + turn * length
                packet.duration, packet.is_keyframe = one.duration, one.is_keyframe
                packet.stream, packet.time_base = added, stream.time_base
                longer.mux(packet)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    main()
