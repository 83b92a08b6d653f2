"""The first hour of a new user, timed: from a wheel to a fused film of two unregistered cameras.

python -m benchmarks.first_hour --visible flirone/visible --thermal flirone/thermal

In an empty folder with nothing but the wheel: build and install it into a bare virtual environment, fuse the
demo, set the pair up, and fuse it by what the setup wrote. A person's part on the page (mirror, quarter turn,
sliders) is played in a browser. Each step has its wall time and the processor time of its processes. It needs
playwright and Chromium (the extra `test`). `--venv` takes an environment that has the wheel already. The
alignment is that of a hand-held FLIR One, whose thermal pictures are on their side and mirrored.
"""

from __future__ import annotations

import argparse
import math
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.common import circumstances, save

ROOT = Path(__file__).parents[1]
CHROMIUM = "/usr/bin/chromium"
# Time for the page and for the measurement after it, on a busy machine.
PATIENCE_MS = 300_000
# Position of the FLIR One's thermal picture: turns to the left; size and shifts as shares of the width.
TURNS, SCALE, RIGHT, DOWN = 1, 0.667, 0.026, 0.04


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visible", type=Path, required=True, help="recording of the visible camera")
    parser.add_argument("--thermal", type=Path, required=True, help="recording of the thermal camera")
    parser.add_argument("--venv", type=Path, help="environment that has the wheel already")
    arguments = parser.parse_args()
    sides = [arguments.visible.resolve(), arguments.thermal.resolve()]
    steps: dict[str, dict[str, float]] = {}
    before = circumstances()
    began_s = time.monotonic()
    with TemporaryDirectory() as name:
        empty = Path(name)
        venv = arguments.venv.resolve() if arguments.venv else install(empty, steps)
        gifnet = venv / "bin" / "gifnet"
        with timed(steps, "demo"):
            subprocess.run([gifnet, "demo"], cwd=empty, check=True)
        setup_s = time.monotonic()
        set_up(gifnet, sides, empty, steps)
        with timed(steps, "film"):
            subprocess.run([gifnet, "run", "-c", "pair.yaml", "-o", "fused.mp4"], cwd=empty, check=True)
        ended_s = time.monotonic()
    result = {
        "steps": steps,
        "from_setup_to_film_s": round(ended_s - setup_s, 1),
        "all_s": round(ended_s - began_s, 1),
        "circumstances": before,
    }
    print("written:", save("first_hour", result))


def install(folder: Path, steps: dict[str, dict[str, float]]) -> Path:
    """Build the wheel and install it, with all that it depends on, into a new environment."""
    with timed(steps, "build the wheel"):
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    venv = folder / "venv"
    with timed(steps, "install it"):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [venv / "bin" / "pip", "install", "--quiet", *folder.glob("*.whl")]
        subprocess.run(pip, check=True)
    return venv


def set_up(gifnet: Path, sides: list[Path], folder: Path, steps: dict[str, dict[str, float]]) -> None:
    """Run `gifnet setup`, play the person on its page, and wait for its end."""
    line = [gifnet, "setup", *sides, "-o", "pair.yaml", "--page", "--bind", "127.0.0.1:0"]
    with timed(steps, "setup, all of it"):
        began_s = time.monotonic()
        process = subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        found = next(found for told in process.stdout if (found := re.search(r"http://\S+", told)))
        page_s = time.monotonic()
        steps["setup, to the page"] = {"wall_s": round(page_s - began_s, 1)}
        align(found[0])
        steps["setup, on the page"] = {"wall_s": round(time.monotonic() - page_s, 1)}
        process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)


def align(address: str) -> None:
    """Align the pictures as a person does, by buttons and sliders, and save."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page: Any = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.locator("#save:enabled").wait_for()
        if page.get_attribute("#mirror", "aria-pressed") == "false":
            page.click("#mirror")
        for _ in range(TURNS):
            page.click("#left")
        for name, value in (("scale", math.log(SCALE)), ("right", RIGHT), ("down", DOWN), ("turn_deg", 0)):
            page.locator(f"#{name}").evaluate(
                "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }",
                value,
            )
        page.click("#save")
        page.locator("#command:visible").wait_for()
        browser.close()


@contextmanager
def timed(steps: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    """Note the wall time of a step, and the processor time of the processes that ended in it."""
    wall_s, used_s = time.monotonic(), children_s()
    yield
    steps[name] = {
        "wall_s": round(time.monotonic() - wall_s, 1),
        "processor_s": round(children_s() - used_s, 1),
    }
    print(name, steps[name], flush=True)


def children_s() -> float:
    """Processor time of all child processes that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
