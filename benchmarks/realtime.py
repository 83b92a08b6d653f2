"""Whole runs at camera rate: a file to MP4, and two RTSP cameras to MP4, page and ZeroMQ, with all who look.

    python -m benchmarks.realtime [--visible V.mp4 --thermal T.mp4] [--seconds 12] [--only "null, files"]

Each run is `gifnet run` in a process of its own with `--report`, by the full network, by lite and by none
(`null`), on a machine that is otherwise idle and beside one busy loop. `null` is also run as the commit
26251f4 has it, from a worktree of it that is made and removed here, in turn with the one of now; of another
commit (`--before`) lite and null from cameras too. Rates are
fused frames by the seconds of the run, loading the network included; ages are from capture to when every
output has the frame; memory is the largest resident set. For cameras, a page that shows every frame it gets
and a ZeroMQ subscriber take their part of the same cores. Without clips a generated street is filmed first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances, save

ROOT = Path(__file__).parents[1]
BEFORE = "26251f4"
STREET = "synthetic://street?seed=1&size=640x480&rate=30&duration=5&light=night"
ROUNDS, RATE = 2, 30
BUSY = "while True: pass"
AVX2_ONLY = "AVX2 only"
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


def main() -> None:
    arguments = parse()
    result: dict[str, Any] = {"what": (__doc__ or "").splitlines()[0], "circumstances": circumstances()}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        clips = filmed(folder, arguments)
        before = stack.enter_context(worktree(folder / "before", arguments.before))
        result["clips"] = {side: str(path.name) for side, path in clips.items()}
        result["runs"] = []
        for label, model, source, busy, root in plan(before, arguments.before):
            if not any(part in label for part in arguments.only.split(";")):
                continue
            with busy_loop(busy):
                os.environ |= AVX2 if label.endswith(AVX2_ONLY) else {}
                row = {"run": label, **one_run(folder, clips, model, source, root, arguments)}
            for name in AVX2:
                os.environ.pop(name, None)
            result["runs"].append(row)
            print(line(row), flush=True)
    print("written:", save(arguments.name, result))


def plan(before: Path | None, commit: str) -> Iterator[tuple[str, str, str, bool, Path]]:
    """Label, model, source, whether a core is busy, and which code runs."""
    for round_ in range(ROUNDS):
        yield f"null, files, round {round_ + 1}", "null", "files", False, ROOT
        if before:
            yield f"null, files, {commit}, round {round_ + 1}", "null", "files", False, before
    for model in ("lite", "full"):
        yield f"{model}, files", model, "files", False, ROOT
    yield f"lite, files, {AVX2_ONLY}", "lite", "files", False, ROOT
    yield "lite, files, beside a busy core", "lite", "files", True, ROOT
    yield "null, files, beside a busy core", "null", "files", True, ROOT
    for model in ("null", "lite", "full"):
        yield f"{model}, cameras", model, "cameras", False, ROOT
    if before and commit != BEFORE:  # which had no lite
        for round_ in range(ROUNDS):
            for model in ("lite", "null"):
                yield f"{model}, cameras, {commit}, round {round_ + 1}", model, "cameras", False, before
                yield f"{model}, cameras, now, round {round_ + 1}", model, "cameras", False, ROOT
    for model in ("null", "lite"):
        yield f"{model}, cameras, beside a busy core", model, "cameras", True, ROOT


def one_run(
    folder: Path, clips: dict[str, Path], model: str, source: str, root: Path, arguments: argparse.Namespace
) -> dict[str, Any]:
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    words = ["-o", str(folder / "out.mp4"), "--model", model, "--report", str(report), "--quiet"]
    with ExitStack() as stack:
        if source == "files":
            words = [str(clips["visible"]), str(clips["thermal"]), *words]
            if model == "full":
                words += ["--duration-s", str(3 * arguments.seconds)]
        else:
            cameras = [stack.enter_context(camera(clips[side])) for side in ("visible", "thermal")]
            page, zmq = free_port(), free_port()
            words = [*cameras, *words, "-o", f"zmq+tcp://127.0.0.1:{zmq}", "--preview", f"127.0.0.1:{page}"]
            words += ["--duration-s", str(arguments.seconds + 5)]
            stack.enter_context(viewers(page, zmq))
        used = run(words, root)
    told = json.loads(report.read_text(encoding="utf-8"))
    return account(told, used, model, source)


def run(words: list[str], root: Path) -> tuple[float, int]:
    """Seconds of the processor and largest resident set in kB that `gifnet run` used."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    child = subprocess.Popen([sys.executable, "-m", "stream", "run", *words], env=environment, cwd=root)
    largest_kb, pid = 0, 0
    while pid == 0:
        # The figure of `wait4` includes the memory of this process, from which the child began.
        largest_kb = max(largest_kb, resident_kb(child.pid))
        time.sleep(0.1)
        pid, status, used = os.wait4(child.pid, os.WNOHANG)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"gifnet run {' '.join(words)} ended with status {child.returncode}")
    return used.ru_utime + used.ru_stime, largest_kb


def resident_kb(pid: int) -> int:
    """The largest resident set of a process so far."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


def account(told: dict[str, Any], used: tuple[float, int], model: str, source: str) -> dict[str, Any]:
    """The figures of a report."""
    stages = told["stages"]
    age = stages.get("age_published", {})
    return {
        "model": model,
        "source": source,
        "frames_in": told["frames_in"],
        "fused": told["fused"],
        "frames_per_s": round(told["fused"] / told["wall_s"], 1),
        "kept": round(told["fused"] / max(told["frames_in"]["visible"], 1), 3),
        "dropped": told["dropped"],
        "age_ms": {name: round(age[f"{name}_ms"], 1) for name in ("p50", "p99")} if age else None,
        "core_ms_a_frame": round(1e3 * used[0] / max(told["fused"], 1), 1),
        "memory_mb": round(used[1] / 1024),
        "stages_p50_ms": {stage: time["p50_ms"] for stage, time in stages.items()},
        "wall_s": told["wall_s"],
    }


def line(row: dict[str, Any]) -> str:
    age = row["age_ms"]
    ages = f", age p50 {age['p50']:.0f} ms, p99 {age['p99']:.0f} ms" if age else ""
    late = sum(count for reason, count in row["dropped"].items() if reason in LATE)
    return (
        f"{row['run']:38} {row['frames_per_s']:6.1f} frames/s, {row['kept']:.0%} kept{ages}, {late} late, "
        f"{row['core_ms_a_frame']:.1f} core-ms, {row['memory_mb']} MB"
    )


LATE = ("visible_superseded", "visible_overrun")


def filmed(folder: Path, arguments: argparse.Namespace) -> dict[str, Path]:
    """Both clips, played several times in a row so that a run is long enough."""
    clips = {"visible": arguments.visible, "thermal": arguments.thermal}
    if not arguments.visible:
        clips = {side: folder / f"{side}.mp4" for side in clips}
        for side, path in clips.items():
            run([STREET, STREET, "-o", str(path), "--view", side, "--model", "null", "--quiet"], ROOT)
    return {
        side: repeated(path, folder / f"long-{side}.mp4", arguments.frames) for side, path in clips.items()
    }


def repeated(path: Path, out: Path, count: int) -> Path:
    """The pictures of a clip again and again, H.264 at the rate of a camera."""
    import av

    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    with av.open(str(out), "w") as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options={"preset": "fast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for index in range(count):
            frame = frames[index % len(frames)].reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out


@contextmanager
def worktree(folder: Path, commit: str) -> Iterator[Path | None]:
    """The code of a commit; None where this copy of the history does not reach back to it."""
    add = ["git", "worktree", "add", "--detach", str(folder), commit]
    if subprocess.run(add, cwd=ROOT, capture_output=True, check=False).returncode:
        print(f"{commit} is not in this copy of the history: left out")
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(folder)], cwd=ROOT, check=True)


@contextmanager
def busy_loop(wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    child = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        child.kill()
        child.wait()


@contextmanager
def camera(clip: Path) -> Iterator[str]:
    words = [sys.executable, "-m", "benchmarks.rtsp_clip", str(clip), "--rate", str(RATE)]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdin and child.stdout
    try:
        port = child.stdout.readline().split()[1]
        yield f"rtsp://127.0.0.1:{port}/stream"
    finally:
        child.stdin.write("quit\n")
        child.stdin.close()
        child.wait()


@contextmanager
def viewers(page: int, zmq: int) -> Iterator[None]:
    """A page that asks for frame after frame, and a subscriber of all frames."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=lambda: asyncio.run(look(page, stop)), daemon=True),
        threading.Thread(target=listen, args=(zmq, stop), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)


async def look(port: int, stop: threading.Event) -> None:
    import aiohttp

    question = {"views": ["fused"], "width": 1280}
    async with aiohttp.ClientSession() as session:
        while not stop.is_set():
            with suppress(aiohttp.ClientError, OSError, TypeError):
                async with session.ws_connect(f"ws://127.0.0.1:{port}/api/frames") as page:
                    index = None
                    while not stop.is_set():
                        await page.send_json(question | ({} if index is None else {"after": index}))
                        answer = await page.receive_bytes()
                        length = int.from_bytes(answer[:4], "big")
                        index = json.loads(answer[4 : 4 + length])["index"] or index
            await asyncio.sleep(0.2)


def listen(port: int, stop: threading.Event) -> None:
    from stream.client.subscriber import Subscriber
    from stream.errors import GifnetError

    with suppress(GifnetError, OSError):
        for _ in Subscriber(f"tcp://127.0.0.1:{port}").every(5.0):
            if stop.is_set():
                return


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visible", type=Path, help="a clip; a generated street without")
    parser.add_argument("--thermal", type=Path)
    parser.add_argument("--frames", type=int, default=600, help="of the runs from files")
    parser.add_argument("--seconds", type=int, default=12, help="of the runs from cameras")
    parser.add_argument("--before", default=BEFORE, help="commit whose runs stand beside those of now")
    parser.add_argument("--only", default="", help="runs whose label has one of these in it, split by ;")
    parser.add_argument("--name", default="realtime", help="file name under benchmarks/results")
    arguments = parser.parse_args()
    if bool(arguments.visible) != bool(arguments.thermal):
        parser.error("--visible and --thermal go together")
    return arguments


if __name__ == "__main__":
    main()
