"""Points picked in a real browser, from two recordings to a calibration file."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stream.registration.calibration import load_calibration
from tests.helpers.media import write_video
from tests.helpers.patience import patience

VISIBLE, THERMAL = (320, 240), (160, 120)
TRUE = np.array([[1.8, 0.0, 16.0], [0.0, 1.8, 12.0], [0.0, 0.0, 1.0]])
THINGS = [(20, 15), (140, 18), (25, 100), (135, 105), (80, 60)]
PATIENCE_S = patience(30)


@pytest.fixture
def recordings(tmp_path: Path) -> tuple[Path, Path]:
    """Bright discs in both pictures, at places that belong together by the true matrix."""
    thermal = np.full((THERMAL[1], THERMAL[0]), 60, np.uint8)
    visible = np.full((VISIBLE[1], VISIBLE[0]), 90, np.uint8)
    for x, y in THINGS:
        cv2.circle(thermal, (x, y), 4, 220, -1)
        at = TRUE @ (x, y, 1)
        cv2.circle(visible, (round(at[0]), round(at[1])), 7, 230, -1)
    paths = tmp_path / "visible.mp4", tmp_path / "thermal.mp4"
    for path, picture in zip(paths, (visible, thermal), strict=True):
        write_video(path, [np.repeat(picture[..., None], 3, axis=2)] * 40)
    return paths


@contextmanager
def picking(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and the address of its page."""
    line = [sys.executable, "-m", "stream", "calibrate", "points", *map(str, words), "--bind", "127.0.0.1:0"]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    killer = threading.Timer(PATIENCE_S * 2, process.kill)
    killer.start()
    assert process.stderr
    said = process.stderr.readline()
    found = re.search(r"http://\S+", said)
    try:
        yield process, found[0] if found else said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
        killer.cancel()
        killer.join()


def pick(page: Any, side: str, x: float, y: float, width: int) -> None:
    """Click where a pixel's middle is."""
    box = page.locator(f"#{side} canvas").bounding_box()
    scale = box["width"] / width
    page.mouse.click(box["x"] + (x + 0.5) * scale, box["y"] + (y + 0.5) * scale)


def open_page(browser: Any, address: str) -> Any:
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.goto(address)
    wait_until(page, lambda: page.evaluate("document.querySelector('#thermal canvas').height > 200"))
    wait_until(page, lambda: page.input_value("#distance") != "")
    return page


def wait_until(page: Any, is_so: Any) -> None:
    for _ in range(int(PATIENCE_S * 20)):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come to be")


def test_points_become_a_calibration(browser: Any, recordings: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "pair.yaml"
    with picking(*recordings, "-o", output, "--distance-m", 8) as (process, address):
        page = open_page(browser, address)
        for count, (x, y) in enumerate(THINGS, start=1):
            at = TRUE @ (x, y, 1)
            pick(page, "visible", at[0], at[1], VISIBLE[0])
            assert page.locator("#thermal[data-turn]").count() == 1
            pick(page, "thermal", x, y, THERMAL[0])
            wait_until(page, lambda count=count: page.locator("#list tbody tr").count() == count)
        wait_until(page, lambda: page.get_attribute("#verdict", "data-state") == "good")
        assert re.search(r"5 pairs, error 0\.\d\d px", page.inner_text("#verdict"))
        wait_until(page, lambda: page.evaluate("document.getElementById('together').naturalWidth") == 320)
        page.click("#save")
        wait_until(page, lambda: "is written" in page.inner_text("#said"))
        process.wait(PATIENCE_S)
        assert process.returncode == 0
        page.close()
    made = load_calibration(output)
    assert made.homography is not None and made.homography.distance_m == 8
    corners = np.array([(0, 0), (159, 0), (0, 119), (159, 119)], float)[:, None]
    away = cv2.perspectiveTransform(corners, made.visible_from_thermal()) - cv2.perspectiveTransform(
        corners, TRUE
    )
    assert np.linalg.norm(away, axis=-1).max() < 1.5


def test_clicks_that_are_faster_than_the_answers_are_not_lost(
    browser: Any, recordings: tuple[Path, Path], tmp_path: Path
) -> None:
    with picking(*recordings, "-o", tmp_path / "pair.yaml") as (_, address):
        page = open_page(browser, address)
        # Answers come late.
        page.route("**/api/fit", lambda route: (page.wait_for_timeout(150), route.continue_()))
        for x, y in THINGS:
            at = TRUE @ (x, y, 1)
            pick(page, "visible", at[0], at[1], VISIBLE[0])
            pick(page, "thermal", x, y, THERMAL[0])
        errors = page.locator("#list tbody td:nth-child(2)")
        wait_until(page, lambda: re.fullmatch(r"(\d\.\d\d ?){5}", " ".join(errors.all_inner_texts())))
        assert page.get_attribute("#verdict", "data-state") == "good"
        page.close()


def test_a_wrong_pair_is_shown_moved_and_taken_away(
    browser: Any, recordings: tuple[Path, Path], tmp_path: Path
) -> None:
    with picking(*recordings, "-o", tmp_path / "pair.yaml") as (_, address):
        page = open_page(browser, address)
        for x, y in THINGS[:4]:
            at = TRUE @ (x, y, 1)
            pick(page, "visible", at[0], at[1], VISIBLE[0])
            pick(page, "thermal", x, y, THERMAL[0])
        wait_until(page, lambda: "fifth" in page.inner_text("#verdict"))
        for x, y in [(80, 60), (60, 90)]:
            at = TRUE @ (x, y, 1)
            wrong = 40 if x == 60 else 0
            pick(page, "visible", at[0] + wrong, at[1], VISIBLE[0])
            pick(page, "thermal", x, y, THERMAL[0])
        wait_until(page, lambda: page.locator("#list tr[data-worst]").count() == 1)
        assert page.inner_text("#verdict") == "Pair 6 lies much worse than the others."
        page.click("#save")
        wait_until(page, lambda: "point 6 lies much worse" in page.inner_text("#said"))
        page.click("#list tbody tr:nth-child(6) button")
        wait_until(page, lambda: page.get_attribute("#verdict", "data-state") == "good")
        before = page.inner_text("#verdict")
        at = TRUE @ (*THINGS[4], 1)
        pick(page, "visible", at[0], at[1], VISIBLE[0])
        for _ in range(8):
            page.keyboard.press("Shift+ArrowRight")
            page.locator("#visible").press("Shift+ArrowRight")
        wait_until(page, lambda: page.inner_text("#verdict") != before)
        page.keyboard.press("u")
        wait_until(page, lambda: "fifth" in page.inner_text("#verdict"))
        page.close()
    assert not (tmp_path / "pair.yaml").exists()


def test_a_file_that_is_there_is_not_written_over(recordings: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "pair.yaml"
    output.write_text("mine")
    with picking(*recordings, "-o", output) as (process, said):
        assert "is there already; name another file, or --add a distance to it" in said
        assert process.wait(PATIENCE_S) == 1
    assert output.read_text() == "mine"
