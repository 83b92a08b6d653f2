"""The fault matrix: every fault, on either camera and both, and how fusion comes through."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.fault_matrix import FAULTS, Fault, Outcome, Who, inflict
from tests.helpers.patience import patience, wait_until
from tests.helpers.rtsp_process import GstProcess, RtspProcess, gstreamer_or_skip

# The promise is two seconds from the camera's return.
RESUMED_WITHIN_S = 2.0


def check(outcome: Outcome) -> None:
    assert outcome.resumed_s < RESUMED_WITHIN_S
    assert outcome.unaccounted == 0 and outcome.damaged == 0
    assert (outcome.threads, outcome.files) == (0, 0)


@pytest.mark.parametrize("who", ["visible", "thermal", "both"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_fusion_comes_through(fault: Fault, who: Who) -> None:
    outcome = inflict(fault, who)
    check(outcome)
    moments = outcome.report.as_json()["live"]["moments"]
    if who != "both" and fault.name in ("kill", "stop", "stall", "stall with sound", "404", "lost packets"):
        # The other camera's pictures went on all the while.
        assert moments["single"] > 20


@pytest.mark.parametrize("name", ["kill", "stop"])
def test_with_gstreamers_server_too(name: str) -> None:
    gstreamer_or_skip()
    check(inflict(FAULTS[name], "thermal", GstProcess))


def test_a_run_starts_with_a_camera_absent_and_ends_by_a_signal(tmp_path: Path) -> None:
    output, report = tmp_path / "fused.mp4", tmp_path / "report.json"
    with RtspProcess() as visible, RtspProcess(user="anna", password="s3cret") as thermal:
        url = thermal.url
        thermal.kill()
        command = [sys.executable, "-m", "stream", "run", visible.url, url, "-o", str(output)]
        command += ["--model", "null", "--report", str(report), "--sidecar"]
        run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert run.stderr is not None
        first_line = run.stderr.readline()
        assert "nothing listens there" in first_line and "connecting again" in first_line
        thermal.start()
        wait_until(lambda: output.exists() and output.stat().st_size > 0)
        time.sleep(0.5)
        run.send_signal(signal.SIGTERM)
        told = first_line + run.stderr.read()
        assert run.wait() == 128 + signal.SIGTERM
        run.stderr.close()
    assert "s3cret" not in told + report.read_text() and "anna:***@" in told
    lines = output.with_suffix(".jsonl").read_text().splitlines()
    import av

    with av.open(str(output)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(lines) > 3


def test_a_wrong_password_ends_a_run_at_its_start(tmp_path: Path) -> None:
    with RtspProcess(user="anna", password="right") as server:
        url = server.url.replace("right", "wr0ng")
        command = [sys.executable, "-m", "stream", "run", server.url, url, "--model", "null"]
        done = subprocess.run(
            [*command, "-o", str(tmp_path / "out.mp4")], capture_output=True, text=True, timeout=patience(60)
        )
    assert done.returncode == 1
    assert "refuses the user name or password; check them in the URL" in done.stderr
    assert "wr0ng" not in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out.mp4").exists()


REFUSALS = [("404 Not Found", "knows no such stream"), ("453 Not Enough Bandwidth", "refuses for now")]


@pytest.mark.parametrize(("status", "says"), REFUSALS)
def test_a_camera_that_refuses_for_a_while_is_waited_for_at_the_start_too(
    tmp_path: Path, status: str, says: str
) -> None:
    report = tmp_path / "report.json"
    with RtspProcess() as visible, RtspProcess(refusal=status) as thermal:
        command = [sys.executable, "-m", "stream", "run", visible.url, thermal.url, "-o", "null://"]
        command += ["--model", "null", "--report", str(report), "--duration-s", "8"]
        run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert run.stderr is not None
        first_line = run.stderr.readline()
        assert says in first_line and "connecting again until it is back" in first_line
        time.sleep(1)
        thermal.tell("refuse")
        told = run.stderr.read()
        assert run.wait() == 0, told
        run.stderr.close()
    assert says not in told, "it is said once"
    live = json.loads(report.read_text())["live"]
    assert live["moments"]["pairs"] > 20
    assert 1 < sum(live["cameras"]["thermal"]["failures"].values()) < 20


@pytest.mark.parametrize("status", ["404 Not Found", "nobody"])
def test_a_script_need_not_wait(tmp_path: Path, status: str) -> None:
    with RtspProcess() as visible, RtspProcess(refusal=status) as thermal:
        url = thermal.url
        if status == "nobody":
            thermal.kill()
        command = [sys.executable, "-m", "stream", "run", visible.url, url, "-o", "null://"]
        done = subprocess.run(
            [*command, "--model", "null", "--no-wait"], capture_output=True, text=True, timeout=patience(60)
        )
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert ("knows no such stream" if status != "nobody" else "nothing listens there") in sentence
