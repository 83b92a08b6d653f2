"""`gifnet setup`: from two unregistered sources to a fused film, by a browser where one is needed."""

from __future__ import annotations

import math
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from stream.registration.calibration import load_calibration
from stream.render.colour_maps import colour_table
from tests.e2e.conftest import Gifnet
from tests.helpers.axe import violations
from tests.helpers.media import write_video
from tests.helpers.patience import patience

PATIENCE_S = patience(60)
VISIBLE, THERMAL = (320, 240), (160, 120)
# The thermal camera lies on its side and is mirrored; its pixels go down where the visible ones go right.
TRUE = np.array([[0.0, 1.6, 60.0], [1.6, 0.0, -8.0], [0.0, 0.0, 1.0]])
THINGS = [(30, 22), (120, 30), (40, 95), (125, 90)]


@contextmanager
def setting_up(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and the address of its page."""
    line = [
        sys.executable,
        "-u",
        "-m",
        "stream",
        "setup",
        *map(str, words),
        "--page",
        "--bind",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    killer = threading.Timer(2 * PATIENCE_S, process.kill)
    killer.start()
    assert process.stdout
    try:
        said = ""
        for text in process.stdout:
            said += text
            if found := re.search(r"http://\S+", text):
                yield process, found[0]
                break
        else:
            raise AssertionError(said)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
        killer.cancel()
        killer.join()


def wait_until(page: Any, is_so: Any) -> None:
    for _ in range(int(PATIENCE_S * 20)):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come to be")


def slide(page: Any, name: str, value: float) -> None:
    """Move a slider, as a person does, to a value."""
    page.locator(f"#{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
    )


def place(page: Any, size: tuple[int, int], at: tuple[float, float]) -> tuple[float, float]:
    """The place of a visible pixel on the screen."""
    box = page.locator("#stage").bounding_box()
    scale = box["width"] / size[0]
    return box["x"] + (at[0] + 0.5) * scale, box["y"] + (at[1] + 0.5) * scale


def drag(page: Any, index: int, size: tuple[int, int], at: tuple[float, float]) -> None:
    """Drag a point by its middle to a visible pixel."""
    page.locator("#stage").scroll_into_view_if_needed()
    box = page.locator(".handle").nth(index).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(*place(page, size, at), steps=3)
    page.mouse.up()


def coarse(page: Any, turns: int, scale: float, right: float, down: float) -> None:
    """Mirror, turn and move the thermal picture by the controls."""
    page.click("#mirror")
    for _ in range(turns):
        page.click("#left")
    slide(page, "scale", math.log(scale))
    slide(page, "right", right)
    slide(page, "down", down)


@contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """A process that can write no more than ten bytes to a file."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Discs seen by both cameras, of which the thermal one lies on its side and is mirrored."""
    folder = tmp_path_factory.mktemp("turned")
    thermal = np.full((THERMAL[1], THERMAL[0]), 60, np.uint8)
    visible = np.full((VISIBLE[1], VISIBLE[0], 3), (90, 110, 70), np.uint8)
    for x, y in THINGS:
        cv2.circle(thermal, (x, y), 5, 220, -1)
        at = TRUE @ (x, y, 1)
        cv2.circle(visible, (round(at[0]), round(at[1])), 8, (240, 200, 150), -1)
    write_video(folder / "visible.mp4", [visible] * 12)
    write_video(folder / "thermal.mp4", [np.repeat(thermal[..., None], 3, axis=2)] * 12)
    return folder / "visible.mp4", folder / "thermal.mp4"


def test_a_picture_on_its_side_is_laid_right_by_sliders_and_points(
    browser: Any, turned: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "pair.yaml"
    with setting_up(*turned, "-o", output, "--by-hand", "--model", "lite") as (process, address):
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.goto(address)
        wait_until(page, lambda: page.locator(".handle").count() == 4)
        coarse(page, 1, 192 / 320, 0.0, 0.0)
        wait_until(page, lambda: page.inner_text("output[for=scale]") == "60 %")
        thermal = page.evaluate(
            "fetch('api/setup').then((answer) => answer.json()).then((setup) => setup.points)"
        )
        for index, (x, y) in enumerate(thermal):
            at = TRUE @ (x, y, 1)
            drag(page, index, VISIBLE, (at[0], at[1]))
            wait_until(page, lambda count=index + 1: page.locator(".handle[data-put]").count() == count)
        assert page.locator("#coarse").evaluate("(controls) => controls.disabled")
        assert not violations(page)
        other = browser.new_page(viewport={"width": 390, "height": 844})
        other.goto(address)
        wait_until(other, lambda: other.locator("#save").is_enabled())
        assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
        with full_disk(process.pid):
            page.click("#save")
            wait_until(page, lambda: "cannot be written" in page.inner_text("#said"))
        assert not list(tmp_path.iterdir()) and page.locator("#save").is_enabled()
        page.click("#save")
        wait_until(page, lambda: "gifnet run -c" in page.inner_text("#command"))
        assert "Align them by hand" in page.inner_text("#steps")
        wait_until(other, lambda: other.locator("#save").is_disabled())
        assert other.inner_text("#verdict") in ("The alignment is saved.", "The command has ended.")
        other.close()
        page.close()
        process.wait(PATIENCE_S)
        assert process.returncode == 0
    made = load_calibration(tmp_path / "pair.calibration.yaml")
    corners = np.array([(0, 0), (159, 0), (0, 119), (159, 119)], float)[:, None]
    ends = [cv2.perspectiveTransform(corners, matrix) for matrix in (made.visible_from_thermal(), TRUE)]
    assert np.linalg.norm(ends[0] - ends[1], axis=-1).max() < 3


def test_ctrl_c_leaves_no_file_and_the_page_says_so(
    browser: Any, turned: tuple[Path, Path], tmp_path: Path
) -> None:
    words = (*turned, "-o", tmp_path / "pair.yaml", "--by-hand", "--model", "null")
    with setting_up(*words) as (process, address):
        page = browser.new_page()
        page.goto(address)
        wait_until(page, lambda: page.locator("#save").is_enabled())
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE_S)[0]
        assert process.returncode == 130 and rest.splitlines()[-1] == "gifnet: interrupted"
        wait_until(page, lambda: "has ended" in page.inner_text("#said"))
        assert page.locator("#save").is_disabled()
        assert page.locator("#coarse").evaluate("(controls) => controls.disabled")
        page.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.refdata
def test_a_hand_held_recording_becomes_a_film(
    browser: Any, gifnet: Gifnet, refdata: Path, tmp_path: Path
) -> None:
    """16-bit thermal of 80x60, saved with its sides swapped, on its side and mirrored, beside 1080x1440."""
    flirone = refdata / "data" / "flirone"
    for side in ("visible", "thermal"):
        (tmp_path / side).mkdir()
        for path in sorted((flirone / side).iterdir())[:8]:
            (tmp_path / side / path.name).symlink_to(path)
    output, film = tmp_path / "pair.yaml", tmp_path / "fused.mp4"
    words = (tmp_path / "visible", tmp_path / "thermal", "-o", output, "--by-hand", "--model", "null")
    with setting_up(*words) as (process, address):
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.goto(address)
        wait_until(page, lambda: page.locator(".handle").count() >= 4)
        assert "slanting shreds" in page.inner_text("#steps")
        coarse(page, 1, 0.667, 0.026, 0.04)
        # The bend of the black tube, which both cameras show.
        page.dblclick("#stage", position=dict(zip("xy", place_in(page, (615, 850)), strict=True)))
        wait_until(page, lambda: page.locator(".handle[aria-pressed=true]").count() == 1)
        page.click("#save")
        wait_until(page, lambda: "gifnet run -c" in page.inner_text("#command"))
        page.close()
        process.wait(PATIENCE_S)
    done = gifnet("run", "-c", output, "-o", film, "--view", "checkerboard", "--quiet")
    assert done.status == 0, done.err
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8
        assert (container.streams.video[0].width, container.streams.video[0].height) == (1080, 1440)
    made = load_calibration(tmp_path / "pair.calibration.yaml")
    assert made.thermal.size == (80, 60)
    # The end of the tube, and the end of the lamp.
    for thermal, visible in (((43.0, 34.0), (620, 810)), ((38.0, 15.0), (390, 745))):
        at = cv2.perspectiveTransform(np.array([[thermal]]), made.visible_from_thermal())[0, 0]
        assert np.linalg.norm(at - visible) < 60


def place_in(page: Any, at: tuple[float, float]) -> tuple[float, float]:
    """The place of a pixel of 1080x1440 within the stage."""
    box = page.locator("#stage").bounding_box()
    return (at[0] + 0.5) * box["width"] / 1080, (at[1] + 0.5) * box["height"] / 1440


def test_without_a_page_it_says_what_is_missing(
    gifnet: Gifnet, turned: tuple[Path, Path], tmp_path: Path
) -> None:
    done = gifnet("setup", *turned, "-o", tmp_path / "pair.yaml", "--by-hand", "--no-page")
    assert done.status == 1 and "are not aligned yet" in done.err and "--calibration FILE" in done.err
    assert not list(tmp_path.glob("*.yaml"))


def test_nothing_is_written_over(gifnet: Gifnet, turned: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "pair.yaml").write_text("mine")
    done = gifnet("setup", *turned, "-o", tmp_path / "pair.yaml")
    assert done.status == 1 and "is there already" in done.err
    assert (tmp_path / "pair.yaml").read_text() == "mine"


@pytest.mark.parametrize("palette", [None, "iron"])
def test_registered_recordings_need_no_page(gifnet: Gifnet, tmp_path: Path, palette: str | None) -> None:
    rng = np.random.default_rng(3)
    thermal = np.full((240, 320), 60, np.uint8)
    for x, y, size in rng.integers((0, 0, 10), (320, 240, 40), (60, 3)).tolist():
        cv2.rectangle(thermal, (x, y), (x + size, y + size // 2), int(rng.integers(30, 230)), -1)
    visible = np.stack((255 - thermal, 200 - thermal // 2, thermal // 2), axis=-1)
    write_video(tmp_path / "v.mp4", [visible] * 10)
    coloured = colour_table(palette)[thermal] if palette else np.repeat(thermal[..., None], 3, axis=2)
    write_video(tmp_path / "t.mp4", [coloured] * 10, pixel_format="yuv444p")
    sides = tmp_path / "v.mp4", tmp_path / "t.mp4"
    done = gifnet("setup", *sides, "-o", tmp_path / "pair.yaml", "--model", "null")
    assert done.status == 0 and "no calibration is needed" in done.out, done
    assert (done.out + done.err).count("coloured by a palette") == bool(palette)
    assert done.out.splitlines()[-1] == f"next: gifnet run -c {tmp_path / 'pair.yaml'} -o fused.mp4"
    assert gifnet("run", "-c", tmp_path / "pair.yaml", "-o", tmp_path / "f.mp4", "--quiet").status == 0
