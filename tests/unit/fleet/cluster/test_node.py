"""Parts that run on a node beside a pair, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from stream.errors import ConfigError
from stream.fleet.cluster.node import exec_child
from stream.fleet.cluster.node.child_page import ChildPage, own_token, page_in
from stream.fleet.cluster.node.node_lock import ABANDONED_S, NodeLock
from stream.fleet.cluster.node.run_log import RunLog
from stream.fleet.cluster.state_file import StateFile, fleet_folder
from tests.helpers.patience import wait_until

WAITS = "import time\nwhile True: time.sleep(0.05)"


@pytest.fixture(autouse=True)
def own_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_run_gets_sigterm_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, subprocess, sys, time
        child = "import signal, sys, time; from pathlib import Path\\n" \\
            "def end(*_): Path(r'{tmp_path}/ended').write_text('by SIGTERM'); sys.exit()\\n" \\
            "signal.signal(signal.SIGTERM, end); Path(r'{tmp_path}/begun').touch()\\n" \\
            "while True: time.sleep(0.05)"
        words = [sys.executable, r"{exec_child.__file__}", str(os.getpid()), sys.executable, "-c", child]
        subprocess.Popen(words)
        while True: time.sleep(0.05)
        """)
    )
    with subprocess.Popen([sys.executable, str(script)]) as parent:
        wait_until((tmp_path / "begun").exists)
        parent.send_signal(signal.SIGKILL)
    wait_until((tmp_path / "ended").exists)


def test_a_run_whose_parent_has_gone_before_does_not_begin() -> None:
    done = subprocess.run([sys.executable, exec_child.__file__, "1", sys.executable, "-c", ""], check=False)
    assert done.returncode == 1


def test_the_lock_of_a_node_is_free_when_actor_and_run_are_gone(tmp_path: Path) -> None:
    first, second = NodeLock("fleet-gate"), NodeLock("fleet-gate")
    assert first.take() == ""
    with subprocess.Popen([sys.executable, "-c", WAITS], pass_fds=[first.file]) as run:
        first.write(run.pid)
        assert second.take().startswith(f"process {os.getpid()} of another cluster")
        first.close()
        holder = second.take()
        assert holder.startswith("process")  # the run holds it still
        run.kill()
    assert second.take() == ""
    second.close()


def test_an_actor_without_its_controller_is_ended(tmp_path: Path) -> None:
    lock = NodeLock("fleet-gate")
    script = (
        "from stream.fleet.cluster.node.node_lock import NodeLock\n"
        "lock = NodeLock('fleet-gate'); print(lock.take(), flush=True)\n" + WAITS
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as actor:
        assert actor.stdout and actor.stdout.readline() == "\n"
        assert "another cluster" in lock.take() and lives(actor.pid)
        past = time.time() - ABANDONED_S - 5
        os.utime(lock.path, (past, past))
        assert lock.take() == f"process {actor.pid} of a cluster that is gone"
        assert actor.wait(60) == -signal.SIGKILL
    assert lock.take() == ""
    lock.close()


def test_a_log_gives_what_is_new_and_its_files_stay_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.fleet.cluster.node.run_log.LARGEST_BYTES", 1000)
    log = RunLog(tmp_path)
    for number in range(300):
        log.add(f"line {number}")
    newest, lines = log.after(-1, 2)
    assert lines == ["line 298", "line 299"] and log.after(newest, 10) == (newest, [])
    log.add("x" * 100_000)
    assert log.after(newest, 10)[1] == [log.last] and len(log.last) == 4000
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.log", "run.log.1"]
    again = RunLog(tmp_path)  # of another actor on the node
    again.add("begun again")
    assert again.after(-1, 5)[1][-1] == "begun again"
    again.close()


@pytest.mark.parametrize(
    ("line", "page"),
    [
        ("gifnet: the page is at http://127.0.0.1:8080/", ChildPage("127.0.0.1:8080")),
        ("gifnet: the page is at http://0.0.0.0:80/?token=a-b_c", ChildPage("127.0.0.1:80", "a-b_c")),
        ('{"message": "the page is at http://[::]:80/ with your token"}', ChildPage("[::1]:80")),
        ("gifnet: 3 fused", None),
    ],
)
def test_the_page_is_found_in_the_log(line: str, page: ChildPage | None) -> None:
    assert page_in(line) == page


def test_a_page_that_is_not_there_has_no_status() -> None:
    page = ChildPage("127.0.0.1:1")
    assert page.status() is None and page.metrics() == "" and page.picture() == b""


def test_the_token_of_the_configuration_is_read_where_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text("preview: {token: '0123456789abcdef'}\n")
    assert own_token(("run", "-c", str(path))) == "0123456789abcdef"
    assert own_token(("run", "-c", str(tmp_path / "none.yaml"))) == ""


def test_a_damaged_state_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = StateFile(tmp_path / "fleet")
    state = file.read()
    file.write(state)
    saved = tmp_path / "fleet" / "controller.json"
    assert StateFile(tmp_path / "fleet").read().as_json() == state.as_json()
    assert saved.stat().st_mode & 0o77 == 0
    for text in ("{", "[]", '{"pairs": {"gate": {}}, "drained_nodes": {}}'):
        saved.write_text(text)
        with pytest.raises(ConfigError, match="move it away to begin anew"):
            StateFile(tmp_path / "fleet").read()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))
    assert fleet_folder("site") == tmp_path / "states" / "gifnet" / "site"
