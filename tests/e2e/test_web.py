"""Answers of a run over HTTP: status, settings, metrics, and access."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import cv2
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.web.listener import MOST_CONNECTIONS
from tests.helpers.patience import patience, wait_until
from tests.helpers.running import Running, running

PATIENCE_S = patience(20)
DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "gifnet.json"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    clips = tmp_path_factory.mktemp("clips")
    words = ("--preview", "127.0.0.1:0", "--preview-clips", clips, "--metrics", "127.0.0.1:0", "--verbose")
    with running(*words) as process:
        wait_until(lambda: call(process, "readyz")[0] == 200)
        yield process
        assert "Traceback" not in process.stop()


def call(
    run: Running, path: str, method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, Any, Any]:
    """Status, body (as JSON where it is) and headers of an answer."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {
        "Content-Type": "application/json",
        **{key.replace("_", "-"): text for key, text in headers.items()},
    }
    parts = urlsplit(run.page)
    request = urllib.request.Request(f"{parts.scheme}://{parts.netloc}/{path}", data, sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            status, content, given = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            status, content, given = error.code, error.read(), error.headers
    is_json = (given.get("Content-Type") or "").startswith("application/json")
    return status, json.loads(content) if is_json else content, given


def test_the_status_tells_of_cameras_rate_and_latency(run: Running) -> None:
    wait_until(lambda: call(run, "api/status")[1]["recent"]["rate"] > 10)
    told = call(run, "api/status")[1]
    assert told["not_ready"] == "" and told["fused"] > 0
    assert {side: camera["state"] for side, camera in told["cameras"].items()} == {
        "visible": "streaming",
        "thermal": "streaming",
    }
    assert 0 < told["recent"]["latency_ms"]["p50"] < 5000
    assert told["newest"]["width"] == 160


def test_settings_change_at_once_and_are_checked(run: Running) -> None:
    status, told, _ = call(run, "api/settings", "PATCH", {"pairing.tolerance_ms": 33, "gain.low": 2.5})
    assert status == 200 and told["values"]["pairing.tolerance_ms"] == 33
    assert call(run, "api/settings")[1]["values"]["gain.low"] == 2.5
    run.wait_for("the page changed pairing.tolerance_ms to 33.0, gain.low to 2.5")
    status, told, _ = call(run, "api/settings", "PATCH", {"pairing.tolerance_ms": -1})
    assert status == 422 and "pairing.tolerance_ms: it should be greater than or equal to 0" in told["error"]
    assert call(run, "api/settings")[1]["values"]["pairing.tolerance_ms"] == 33


def test_a_nudge_moves_the_thermal_picture(run: Running) -> None:
    call(run, "api/settings", "PATCH", {"registration.nudge_right_px": 40})
    wait_until(lambda: not decoded(call(run, "api/snapshot?view=thermal")[1])[:, :40].any())
    status, told, _ = call(run, "api/settings", "PATCH", {"registration.nudge_right_px": 500})
    assert status == 422 and "sees nothing of the visible picture" in told["error"]
    call(run, "api/settings", "PATCH", {"registration.nudge_right_px": 0})
    wait_until(lambda: decoded(call(run, "api/snapshot?view=thermal")[1])[:, :40].any())


def decoded(data: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)


def test_a_snapshot_is_whole_and_has_a_name(run: Running) -> None:
    status, picture, headers = call(run, "api/snapshot?view=side-by-side")
    assert status == 200 and decoded(picture).shape == (120, 480, 3)
    assert re.search(r'filename="side-by-side-\d{8}T\d{6}Z-\d+\.png"', headers["Content-Disposition"])
    status, told, _ = call(run, "api/snapshot?view=upside-down")
    assert status == 422 and "view must be one of fused, side-by-side" in told["error"]


def test_a_clip_is_a_video_that_plays(run: Running) -> None:
    import av

    started = call(run, "api/clip", "POST", {"on": True, "view": "visible"})[1]
    assert started["recording"]
    wait_until(lambda: call(run, "api/status")[1]["clip"]["frames"] > 10)
    stopped = call(run, "api/clip", "POST", {"on": False})[1]
    assert not stopped["recording"] and stopped["file"] == started["file"]
    run.wait_for(r"recorded \d+ frames to .*visible")
    with av.open(started["file"]) as video:
        assert sum(1 for _ in video.decode(video=0)) > 10


def test_frames_come_when_asked_for_and_bad_questions_end_it(run: Running) -> None:
    async def talk() -> None:
        async with aiohttp.ClientSession() as session:
            address = run.page.replace("http", "ws") + "api/frames"
            async with session.ws_connect(address) as socket:
                seen = []
                for _ in range(5):
                    after = seen[-1] if seen else None
                    await socket.send_json({"after": after, "views": ["visible", "thermal"], "width": 80})
                    head, pictures = parts(await socket.receive_bytes())
                    seen.append(head["index"])
                    assert [decoded(picture).shape for picture in pictures] == [(60, 80, 3)] * 2
                    assert head["size"] == [160, 120]
                assert sorted(set(seen)) == seen
            for question in ('{"views": ["none"]}', "[]", "no json", '{"width": 9999999}', "x" * 9000):
                async with session.ws_connect(address) as socket:
                    await socket.send_str(question)
                    answer = await socket.receive(timeout=PATIENCE_S)
                    assert answer.type is aiohttp.WSMsgType.CLOSE, answer
                    assert answer.data in (1008, 1009)

    asyncio.run(talk())


def parts(message: bytes) -> tuple[dict[str, Any], list[bytes]]:
    (length,) = struct.unpack_from(">I", message)
    head = json.loads(message[4 : 4 + length])
    start, pictures = 4 + length, []
    for size in head["lengths"]:
        pictures.append(message[start : start + size])
        start += size
    assert start == len(message)
    return head, pictures


def test_numbers_for_prometheus(run: Running) -> None:
    text = call(run, "metrics")[1].decode()
    assert complaints(text) == []
    numbers = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert numbers[("gifnet_frames_fused_total",)] > 0
    assert numbers[("gifnet_camera_state", ("camera", "thermal"), ("state", "streaming"))] == 1
    assert numbers[("gifnet_ready",)] == 1
    assert 0 <= numbers[("gifnet_newest_frame_age_seconds",)] < 5
    infinite = numbers[("gifnet_latency_seconds_bucket", ("le", "+Inf"))]
    assert infinite == numbers[("gifnet_latency_seconds_count",)] > 0
    assert numbers[("gifnet_stage_seconds_count", ("stage", "register"))] > 0
    where = run.wait_for(r"numbers are at (http://\S+)")[1]
    with urllib.request.urlopen(where, timeout=PATIENCE_S) as answer:
        assert b"gifnet_frames_fused_total" in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        urllib.request.urlopen(where.replace("metrics", "api/status"), timeout=PATIENCE_S)
    caught.value.close()


def complaints(text: str) -> list[str]:
    """Faults of names, by the rules of `promtool check metrics`."""
    helped = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    found = []
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        if not helped.get(name, "").strip():
            found.append(f"{name} has no help")
        if name.endswith("_total") != (kind == "counter"):
            found.append(f"{name} is a {kind}")
        if not re.fullmatch("[a-z][a-z0-9_]*", name):
            found.append(f"{name} is not in snake_case")
        if kind not in ("histogram", "summary") and re.search("_(count|sum|bucket)$", name):
            found.append(f"{name} ends like a part of a histogram")
        if re.search("_(ms|s|us|min|hours|milliseconds|kb|mb|kilobytes|counter|gauge|histogram)(_|$)", name):
            found.append(f"{name} is not in base units, or names its type")
    return found


def test_the_rules_of_names_find_what_breaks_them() -> None:
    text = "# HELP fine_seconds Well.\n# TYPE fine_seconds gauge\n"
    assert complaints(text) == []
    for bad in ("age_ms", "frames_total", "camelCase", "x_count", "size_mb"):
        assert complaints(text.replace("fine_seconds", bad)), bad
    assert complaints(text.replace("gauge", "counter")) and complaints(text.replace(" Well.", " "))


def test_every_number_of_the_dashboard_exists(run: Running) -> None:
    text = call(run, "metrics")[1].decode()
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    names = set(re.findall(r"\bgifnet_\w+", " ".join(queries)))
    known = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    assert len(names) > 10
    for name in names:
        assert name in known or re.sub(r"_(bucket|count|sum)$", "", name) in known, name


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "api/settings", b"{", 422),
        ("PATCH", "api/settings", [1], 422),
        ("PATCH", "api/settings", b"[" * 60_000, 422),
        ("PATCH", "api/settings", b"\xff\xfe", 422),
        ("PATCH", "api/settings", b" " * 100_000, 413),
        ("POST", "api/clip", {"on": 1}, 422),
        ("POST", "api/clip", {}, 422),
        ("POST", "api/clip", {"on": True, "view": "../../x"}, 422),
        ("DELETE", "api/settings", None, 405),
        ("GET", "api/nothing", None, 404),
        ("GET", "../../etc/passwd", None, 404),
        ("GET", "api/frames", None, 426),
    ],
)
def test_bad_requests_get_one_sentence(run: Running, method: str, path: str, body: Any, status: int) -> None:
    answered, told, headers = call(run, path, method, body)
    assert answered == status
    assert isinstance(told["error"], str) and told["error"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_no_answer_and_no_message_holds_a_password() -> None:
    output = (
        "rtsp://eve:hunter2@127.0.0.1:9/fused"  # nobody listens there, which is said, and the run goes on
    )
    with running("--preview", "127.0.0.1:0", "-o", output) as run:
        for body in (
            b'{"pairing.offset_ms": NaN}',
            b'{"gain.low": 1e999}',
            b'{"pairing.unpaired": "\\ud800"}',
        ):
            status, told, _ = call(run, "api/settings", "PATCH", body)
            assert status == 422 and "hunter2" not in json.dumps(told) and "uri" not in told["error"]
        assert "hunter2" not in json.dumps(call(run, "api/status")[1])
        line = Path(f"/proc/{run.process.pid}/cmdline").read_text()
        assert "rtsp://eve:***@127.0.0.1:9/fused" in line and "hunter2" not in line
        assert "hunter2" not in run.stop()


def test_only_this_machines_own_page_may_change_anything(run: Running) -> None:
    change = {"pairing.tolerance_ms": 5}
    assert call(run, "api/settings", "PATCH", change, Origin="http://evil.example")[0] == 403
    assert call(run, "api/status", Host="evil.example")[0] == 403
    assert call(run, "api/settings", "PATCH", change, Content_Type="text/plain")[0] == 422
    assert call(run, "api/settings")[1]["values"]["pairing.tolerance_ms"] != 5


def test_idle_connections_take_nobodys_place(run: Running) -> None:
    host, port = urlsplit(run.page).hostname, urlsplit(run.page).port
    idle = []
    try:
        for _ in range(MOST_CONNECTIONS + 50):
            idle.append(socket.create_connection((host, port), timeout=PATIENCE_S))
        files = Path(f"/proc/{run.process.pid}/fd")
        assert len(list(files.iterdir())) < MOST_CONNECTIONS + 80
        # Those that ask for nothing are closed after a while, and the page answers again.
        wait_until(lambda: answers(run))
    finally:
        for one in idle:
            one.close()


def answers(run: Running) -> bool:
    try:
        return call(run, "healthz")[0] == 200
    except OSError:
        return False


def test_a_token_is_needed_where_others_reach_the_page() -> None:
    with running("--preview", "0.0.0.0:0", "--preview-token", "a-secret-of-some-length") as run:
        assert run.page.endswith("/")
        run.wait_for("with your token")
        assert call(run, "healthz")[0] == 200
        assert call(run, "api/status")[0] == 401
        assert call(run, "metrics")[0] == 401
        assert call(run, "", Cookie="gifnet_token=wrong")[0] == 401
        assert call(run, "?token=wrong")[0] == 401
        assert call(run, "metrics", Authorization="Bearer a-secret-of-some-length")[0] == 200
        assert call(run, "api/status", Cookie="gifnet_token=a-secret-of-some-length")[0] == 200
        line = Path(f"/proc/{run.process.pid}/cmdline").read_text()
        assert "--preview-token\0***" in line and "secret" not in line
        assert "secret" not in run.stop()


def test_a_token_that_is_made_up_is_told_and_one_of_the_environment_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running("--preview", "0.0.0.0:0") as run:
        token = urlsplit(run.page).query.removeprefix("token=")
        assert len(token) >= 16 and call(run, "api/status", Authorization=f"Bearer {token}")[0] == 200
    monkeypatch.setenv("GIFNET_PREVIEW_TOKEN", "short-secret")
    with running("--preview", "0.0.0.0:0") as run:
        run.process.wait(PATIENCE_S)
        said = run.stop()
    assert "GIFNET_PREVIEW_TOKEN must have at least 16 characters, got 12" in said and "secret" not in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--preview", "8080"), "preview.bind must be HOST:PORT, for example 127.0.0.1:8080, got '8080'"),
        (("--preview", "127.0.0.1:x"), "preview.bind must have a port from 0 to 65535"),
        (("--preview", "127.0.0.1:0", "--preview-token", "short"), "at least 16"),
        (("--preview", "192.0.2.1:80"), "preview.bind 192.0.2.1:80 cannot be bound"),
        (("--preview", "127.0.0.1:0", "--control", "tcp://*:5557"), "would let everybody"),
        (("--preview", "127.0.0.1:0", "--control", "5557"), "control.bind must be tcp://HOST:PORT"),
        ((), "there is none, name an output with -o, or a page with --preview"),
    ],
)
def test_wrong_addresses_are_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    with running(*words) as run:
        run.process.wait(PATIENCE_S)
        said = run.stop()
    assert run.process.returncode == 1
    assert sentence in said and "Traceback" not in said and "short" not in said
