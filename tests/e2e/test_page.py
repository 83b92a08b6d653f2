"""The page in a real browser: looked at, clicked, and typed into."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.helpers.axe import violations
from tests.helpers.media import write_video
from tests.helpers.patience import patience
from tests.helpers.rtsp_process import RtspProcess
from tests.helpers.running import Running, running

PATIENCE_MS = int(patience(30_000))
# A busy machine draws one camera's pictures seconds after the other's.
PATIENT = ("--max-wait-ms", "4000", "--queue-ms", "8000", "--queue-frames", "200")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    clips = tmp_path_factory.mktemp("clips")
    with running("--preview", "127.0.0.1:0", "--preview-clips", clips, *PATIENT) as process:
        yield process


@pytest.fixture
def page(browser: Any, run: Running) -> Iterator[Any]:
    opened = open_page(browser, run)
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    # A refused change is shown to the person, and noted by the browser.
    assert [text for text in complaints if "422" not in text] == []


def open_page(browser: Any, run: Running, **window: Any) -> Any:
    opened = browser.new_page(**({"viewport": {"width": 1280, "height": 860}} | window))
    opened.set_default_timeout(PATIENCE_MS)
    opened.goto(run.page)
    wait_for_picture(opened)
    return opened


def wait_for_picture(page: Any) -> None:
    wait_for(page, "document.getElementById('picture').dataset.index >= 0")


def seen(page: Any, selector: str = "#picture") -> np.ndarray:
    """Screenshot of an element, BGR."""
    data = np.frombuffer(page.locator(selector).screenshot(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture)


def settings(page: Any) -> dict[str, Any]:
    values: dict[str, Any] = page.evaluate(
        "fetch('api/settings').then((a) => a.json()).then((a) => a.values)"
    )
    return values


def wait_for(page: Any, expression: str) -> None:
    """Until JavaScript says so; the page's own rules forbid the driver's way of waiting for that."""
    wait_until(page, lambda: bool(page.evaluate(expression)))


def wait_until(page: Any, is_so: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_MS // 50):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come to be")


def test_the_picture_moves_and_figures_are_told(page: Any) -> None:
    first = int(page.evaluate("document.getElementById('picture').dataset.index"))
    wait_for(page, f"document.getElementById('picture').dataset.index > {first + 5}")
    wait_for(page, "document.getElementById('health').textContent === 'fusing'")
    wait_for(page, "parseFloat(document.getElementById('rate').textContent) > 5")
    assert " ms" in page.inner_text("#latency") and " ms" in page.inner_text("#pairing")
    cameras = page.locator(".camera")
    assert [cameras.nth(i).get_attribute("data-state") for i in range(2)] == ["streaming"] * 2
    picture = seen(page)
    assert picture.std() > 10, "a black picture is none"


def test_it_begins_with_a_wipe_in_the_middle_and_shows_all_three(page: Any) -> None:
    assert page.get_attribute("#wipe", "aria-valuenow") == "50"
    assert page.inner_text("#left-name") == "visible" and page.inner_text("#right-name") == "fused"
    page.click("#layout label:has-text('all three')")
    shape = "(({width, height}) => width / height)(document.getElementById('picture'))"
    wait_until(page, lambda: page.evaluate(shape) == pytest.approx(2, abs=0.02))  # 3 by 2 tiles of 4:3
    assert [page.inner_text(f"#{name}-name") for name in ("left", "right", "third")] == [
        "fused", "visible", "thermal",
    ]  # fmt: skip
    picture = seen(page)
    thermal = picture[picture.shape[0] // 2 + 10 :, 2 * picture.shape[1] // 3 + 10 :]
    assert np.ptp(thermal[60:].astype(int), axis=2).max() < 12, "grey, but for JPEG"
    page.keyboard.press("o")
    wait_until(page, lambda: page.evaluate(shape) == pytest.approx(4 / 3, abs=0.02))
    assert page.inner_text("#left-name") == "" and not page.is_visible("#wipe")


def test_thermal_in_the_colours_of_choice(page: Any) -> None:
    page.keyboard.press("o")
    page.click("#right label:has-text('thermal colour')")
    page.select_option("#colours", "white-hot")
    wait_until(page, lambda: colour(seen(page)) < 1)
    page.select_option("#colours", "rainbow")
    wait_until(page, lambda: colour(seen(page)) > 30)
    page.reload()
    assert page.input_value("#colours") == "rainbow", "kept by the browser"


def test_a_preset_of_gain(page: Any) -> None:
    page.click("#presets button:has-text('details')")
    wait_until(page, lambda: settings(page)["gain.method"] == "clahe")
    assert settings(page)["gain.detail"] == 2
    page.click("#presets button:has-text('standard')")
    wait_until(page, lambda: settings(page)["gain.method"] == "auto")
    assert not page.is_visible("#presets button:has-text('people')"), "no temperatures, no span of them"
    assert page.locator("[data-place='registration.distance_m']").count() == 0, "no calibration"
    assert not page.is_visible("#temperatures")


def test_hints_come_once(page: Any) -> None:
    assert page.is_visible("#hint")
    page.click("#understood")
    page.reload()
    wait_for_picture(page)
    assert not page.is_visible("#hint")


@pytest.mark.parametrize("width", [1280, 390])
def test_people_who_hear_it_find_everything(browser: Any, run: Running, width: int) -> None:
    page = open_page(browser, run, viewport={"width": width, "height": 844})
    field = page.locator("[data-place='pairing.tolerance_ms']")
    field.fill("-3")
    field.press("Enter")
    wait_for(page, "document.querySelector('.wrong:not(:empty)') !== null")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert violations(page) == []
    assert page.get_attribute("#wipe", "aria-valuetext") == "50 percent visible"
    assert page.get_attribute("#picture", "aria-label") == "Live picture: visible left of fused"
    page.close()


def test_the_header_tells_a_run_that_is_too_slow(browser: Any, run: Running) -> None:
    """The status of such a run is made up, so that no machine need be slow for it."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(PATIENCE_MS)
    begin_s = time.monotonic()

    def answer(route: Any) -> None:
        told, passed_s = route.fetch().json(), time.monotonic() - begin_s
        told |= {"fused": round(2 * passed_s), "model": "full", "not_ready": "", "not_pairing": ""}
        told["dropped"] = {"visible_superseded": round(20 * passed_s), "visible_overrun": round(8 * passed_s)}
        route.fulfill(json=told)

    page.route("**/api/status", answer)
    page.goto(run.page)
    pattern = r"fusing [12]\.\d of (2|3)\d pairs/s: choose lite"
    wait_until(page, lambda: re.fullmatch(pattern, page.inner_text("#health")) is not None)
    assert page.get_attribute("#health", "data-state") == "wait"
    assert page.evaluate("getComputedStyle(document.getElementById('health')).color") == "rgb(231, 176, 74)"
    assert "--model lite" in page.inner_text("#why")
    page.unroute_all(behavior="ignoreErrors")
    page.close()


def test_ages_of_live_frames_are_told_by_stage(browser: Any, run: Running) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)

    def answer(route: Any) -> None:
        ages = {"paired": {"p50": 2.34, "p99": 9.0}, "published": {"p50": 27.7, "p99": 77.5}}
        route.fulfill(json=route.fetch().json() | {"ages_ms": ages})

    page.route("**/api/status", answer)
    page.goto(run.page)
    wait_until(page, lambda: "27.7 / 77.5 ms" in (page.text_content("#account") or ""))
    assert "age when paired" in (page.text_content("#account") or "")
    page.unroute_all(behavior="ignoreErrors")
    page.close()


def test_temperatures_are_told_where_the_camera_knows_them(browser: Any, tmp_path: Path) -> None:
    counts = np.full((96, 128), 7000, np.uint16)
    counts[:, 64:] = 7500
    write_video(tmp_path / "t.mkv", [counts] * 10, rate=5)
    write_video(tmp_path / "v.mp4", [np.full((96, 128, 3), 90, np.uint8)] * 10, rate=5)
    cameras = f"loop://{tmp_path}/v.mp4", f"loop://{tmp_path}/t.mkv"
    words = ("--thermal-celsius-per-count", "0.02", "--thermal-celsius-at-zero", "-127", "--shutter", "off")
    with running("--preview", "127.0.0.1:0", *PATIENT, *words, cameras=cameras) as run:
        page = open_page(browser, run)
        page.wait_for_selector("#temperatures")
        assert [page.inner_text(f"#{name}") for name in ("lowest", "highest")] == ["13.0 °C", "23.0 °C"]
        box = page.locator("#screen").bounding_box()
        for across, told in ((0.8, "23.0 °C"), (0.3, "13.0 °C")):
            page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * 0.7)
            wait_until(page, lambda told=told: page.inner_text("#under") == told)
        assert page.is_visible("#presets button:has-text('people')")
        assert violations(page) == []
        page.close()


def test_the_wipe_shows_one_picture_left_and_the_other_right(page: Any) -> None:
    page.click("#left label:has-text('thermal') >> nth=0")
    page.click("#right label:has-text('visible') >> nth=0")
    wait_for(page, "document.getElementById('wipe').getAttribute('aria-valuenow') === '50'")
    wait_until(page, lambda: colour(seen(page)[:, : seen(page).shape[1] // 2 - 40]) < 1)
    assert colour(seen(page)[:, seen(page).shape[1] // 2 + 40 :]) > 1
    box = page.locator("#screen").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 30, steps=4)
    page.mouse.up()
    assert int(page.get_attribute("#wipe", "aria-valuenow")) == pytest.approx(90, abs=1)
    assert page.inner_text("#left-name") == "thermal" and page.inner_text("#right-name") == "visible"


def colour(picture: np.ndarray) -> float:
    """Mean distance from grey; names and the handle of the wipe are small."""
    inner = picture[60:-60]
    return float((inner.max(axis=2).astype(int) - inner.min(axis=2)).mean())


def test_keys_change_views_wipe_and_nudge(page: Any) -> None:
    page.keyboard.press("3")
    assert page.is_checked("#right input[value=thermal]")
    page.keyboard.press("Shift+Digit2")
    assert page.is_checked("#left input[value=visible]")
    before = int(page.get_attribute("#wipe", "aria-valuenow"))
    page.locator("#wipe").focus()
    page.keyboard.press("Shift+ArrowRight")
    assert int(page.get_attribute("#wipe", "aria-valuenow")) == before + 10
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+Shift+ArrowUp")
    wait_until(page, lambda: settings(page)["registration.nudge_down_px"] == -10)
    assert settings(page)["registration.nudge_right_px"] == 1
    wait_until(page, lambda: page.inner_text("#nudged") == "1, -10 px")
    page.click("#centre")
    wait_until(page, lambda: settings(page)["registration.nudge_down_px"] == 0)


def test_settings_are_typed_in_and_wrong_ones_refused_in_words(page: Any) -> None:
    field = page.locator("[data-place='pairing.tolerance_ms']")
    field.fill("42")
    field.press("Enter")
    wait_until(page, lambda: settings(page)["pairing.tolerance_ms"] == 42)
    field.fill("-3")
    field.press("Enter")
    wait_for(page, "document.getElementById('said').dataset.state === 'bad'")
    assert "greater than or equal to 0" in page.inner_text("#said")
    assert field.get_attribute("aria-invalid") == "true"
    beside = page.locator(".setting:has([data-place='pairing.tolerance_ms']) .wrong")
    assert beside.inner_text() == "it should be greater than or equal to 0, got -3"
    page.select_option("[data-place='gain.method']", "minmax")
    wait_until(page, lambda: settings(page)["gain.method"] == "minmax")
    assert settings(page)["pairing.tolerance_ms"] == 42


def test_a_snapshot_is_saved_and_a_clip_recorded(page: Any, tmp_path: Path) -> None:
    with page.expect_download() as waiting:
        page.click("#snapshot")
    waiting.value.save_as(tmp_path / "snapshot.png")
    assert waiting.value.suggested_filename.endswith(".png")
    assert cv2.imread(str(tmp_path / "snapshot.png")).shape == (120, 160, 3)
    page.keyboard.press("r")
    wait_for(page, "/ecording, [1-9]\\d* frames/.test(document.getElementById('clip').textContent)")
    assert page.get_attribute("#clip", "aria-pressed") == "true"
    page.click("#clip")
    wait_for(page, "document.getElementById('clip').textContent === 'Record'")
    file = page.inner_text("#said").removeprefix("recorded ")
    wait_until(page, lambda: Path(file).is_file())


def test_cameras_that_moved_are_told_and_corrected(browser: Any) -> None:
    street = "loop://synthetic://street?seed=3&size=320x240&light=day&rate=10"
    words = ("--preview", "127.0.0.1:0", "--check-every", "2", "--tolerance-ms", "49")
    with running(*words, cameras=(street, street)) as run:
        page = open_page(browser, run)
        wait_until(page, lambda: status(page)["drift"]["verdict"] == "aligned")
        assert not page.is_visible("#drift")
        page.keyboard.press("Alt+Shift+ArrowRight")
        wait_until(page, lambda: page.is_visible("#drift"))
        assert "the cameras have moved: about 10 px right" in page.inner_text("#drift")
        page.click("#drift button")
        wait_until(page, lambda: abs(settings(page)["registration.nudge_right_px"]) < 1)
        wait_until(page, lambda: not page.is_visible("#drift"))
        page.close()


def status(page: Any) -> dict[str, Any]:
    told: dict[str, Any] = page.evaluate("fetch('api/status').then((a) => a.json())")
    return told


def test_it_fits_a_phone(browser: Any, run: Running) -> None:
    page = open_page(browser, run, viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("#picture").bounding_box()["width"] > 320
    box = page.locator("#snapshot").bounding_box()
    assert box["height"] >= 40
    page.tap("#right label:has-text('thermal') >> nth=0")
    assert page.is_checked("#right input[value=thermal]")
    page.close()


def test_nothing_comes_from_elsewhere(browser: Any, run: Running) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(run.page)
    wait_for_picture(page)
    page.close()
    assert asked and all(url.startswith((run.page, "data:", "blob:")) for url in asked)


def test_a_camera_that_is_away_is_shown_and_comes_back(browser: Any) -> None:
    words = ("--preview", "127.0.0.1:0", "--unpaired", "single")
    with (
        RtspProcess(size="160x120") as visible,
        RtspProcess(size="160x120") as thermal,
        running(*words, cameras=(visible.url, thermal.url)) as run,
    ):
        page = open_page(browser, run)
        page.wait_for_selector(".camera[data-side=thermal][data-state=streaming]")
        thermal.kill()
        page.wait_for_selector(".camera[data-side=thermal][data-state=lost]")
        page.click("#layout label:has-text('all three')")
        wait_until(page, lambda: page.inner_text("#left-name") == "visible alone")
        assert page.inner_text("#third-name") == "no thermal picture"
        assert page.inner_text("#flags") == "visible alone: thermal gives no picture"
        assert page.inner_text(".camera[data-side=thermal] small")
        assert page.get_attribute(".camera[data-side=visible]", "data-state") == "streaming"
        thermal.start()
        page.wait_for_selector(".camera[data-side=thermal][data-state=streaming]")
        page.close()


def test_the_page_finds_a_run_that_began_anew(browser: Any, tmp_path: Path) -> None:
    with running("--preview", "127.0.0.1:0") as first:
        address = first.page
        page = open_page(browser, first)
        wait_for(page, "document.getElementById('health').textContent === 'fusing'")
    wait_for(page, "document.getElementById('health').dataset.state === 'bad'")
    assert page.inner_text("#health") == "the run does not answer"
    port = address.rsplit(":", 1)[1].strip("/")
    with running("--preview", f"127.0.0.1:{port}") as second:
        assert second.page == address
        wait_for(page, "document.getElementById('health').textContent === 'fusing'")
        before = int(page.evaluate("document.getElementById('picture').dataset.index"))
        wait_until(
            page, lambda: int(page.evaluate("document.getElementById('picture').dataset.index")) != before
        )
    page.close()


def test_a_token_lets_the_page_in_and_leaves_the_address(browser: Any) -> None:
    with running("--preview", "0.0.0.0:0") as run:
        page = browser.new_page()
        page.goto(run.page.replace("0.0.0.0", "127.0.0.1"))
        wait_for_picture(page)
        assert "token" not in page.url
        stranger = browser.new_context().new_page()
        answer = stranger.goto(run.page.split("?")[0].replace("0.0.0.0", "127.0.0.1"))
        assert answer.status == 401 and "token" in json.loads(answer.text())["error"]
        page.close()
