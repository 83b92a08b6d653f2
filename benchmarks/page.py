"""Cost of the preview page: a live pair at 30 frames a second with nobody, one and four pages that look.

python -m benchmarks.page [--seconds 12] [--rate 30] [--size 640x512]

The run is a process of its own, without a network; pages are clients in this one, which ask for the visible
and the fused picture, 1280 pixels wide, as the page does while it wipes, and ask again at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from benchmarks.common import circumstances, save
from benchmarks.live import film, write_calibration

QUESTION = {"views": ["visible", "fused"], "width": 1280}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--rate", type=int, default=30)
    parser.add_argument("--size", default="640x512", help="width x height in pixels")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        visible = film(folder / "visible.mp4", (width, height), arguments, "libx264", colour=True)
        thermal = film(folder / "thermal.nut", (width, height), arguments, "rawvideo")
        calibration = write_calibration(folder / "calibration.yaml", (width, height))
        for pages in (0, 1, 4):
            results[f"{pages} pages"] = one_run(visible, thermal, calibration, pages, folder / "report.json")
            print(f"{pages} pages: {results[f'{pages} pages']}")
    what = {"what": __doc__.splitlines()[0] if __doc__ else "", **vars(arguments)}
    print("written:", save("page", what | {"runs": results, "circumstances": circumstances()}))


def one_run(visible: Path, thermal: Path, calibration: Path, pages: int, report: Path) -> dict[str, Any]:
    line = [sys.executable, "-m", "stream", "run", f"live://{visible}", f"live://{thermal}"]
    line += ["--calibration", str(calibration), "--model", "null", "--report", str(report)]
    process = subprocess.Popen([*line, "--preview", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    found = re.search(r"http://\S+", process.stderr.readline())
    assert found
    seen = asyncio.run(look(found[0], pages, process))
    process.communicate()
    told = json.loads(report.read_text())
    stage = told["stages"]["latency"]
    result = {
        "fused": told["fused"],
        "frames_in": told["frames_in"]["visible"],
        "latency_ms": {"p50": stage["p50_ms"], "p99": stage["p99_ms"]},
    }
    if seen:
        frames = [len(times) / (times[-1] - times[0]) for times in seen if len(times) > 1]
        result["frames_per_s_of_a_page"] = round(float(np.mean(frames)), 1)
    return result


async def look(address: str, pages: int, process: subprocess.Popen[str]) -> list[list[float]]:
    """Times at which each page got its pictures."""
    times: list[list[float]] = [[] for _ in range(pages)]
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one_page(session, address, when) for when in times))
    while process.poll() is None:
        await asyncio.sleep(0.1)
    return times


async def one_page(session: aiohttp.ClientSession, address: str, when: list[float]) -> None:
    after = None
    async with session.ws_connect(address.replace("http", "ws") + "api/frames") as socket:
        while not socket.closed:
            await socket.send_json({**QUESTION, "after": after})
            message = await socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                return
            (length,) = struct.unpack_from(">I", message.data)
            after = json.loads(message.data[4 : 4 + length])["index"]
            if after is not None:
                when.append(time.perf_counter())


if __name__ == "__main__":
    main()
