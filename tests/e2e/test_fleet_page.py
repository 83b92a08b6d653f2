"""The page of a fleet in a real browser."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from tests.helpers.axe import violations
from tests.helpers.patience import patience

# In a process of its own, since the driver of the browser has an event loop in this thread. A line on its
# standard input takes the second pair away.
SERVER = """
import sys
import cv2, numpy as np
from stream.fleet.cluster.fleet_page import FleetPage
from stream.fleet.cluster.table import PairRow
from stream.web.loop import LoopThread

rows = [
    PairRow("gate", "running", node="pole-1", fused=1234, rate=24.9, cameras={"visible": "streaming"}),
    PairRow("yard", "waiting for a node with 1 GPU", restarts=3, dropped={"visible_unpaired": 2}),
]
jpeg = bytes(cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1])
page = FleetPage(lambda: rows, lambda pair: jpeg, lambda pair: "")
with LoopThread("page") as loop:
    loop.run(page.open({"bind": "127.0.0.1:0", "hosts": [], "token": ""}))
    print(page.address, flush=True)
    sys.stdin.readline()
    del rows[1]
    sys.stdin.readline()
    loop.run(page.close())
"""


def test_every_pair_has_a_card_and_one_that_fuses_its_picture(browser: Any) -> None:
    wait_ms = patience(20) * 1000
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin and server.stdout
        shown = browser.new_page()
        try:
            shown.goto(server.stdout.readline().strip())
            shown.wait_for_selector("li.running img:visible", timeout=wait_ms)
            assert shown.inner_text("#summary") == "1 of 2 pairs run"
            assert "24.9 frames/s, 1234 fused, 0 dropped, 0 restarts" in shown.inner_text("li.running")
            other = shown.inner_text("li:not(.running)")
            assert "waiting for a node with 1 GPU" in other and "2 dropped, 3 restarts" in other
            assert violations(shown) == []
            server.stdin.write("\n")
            server.stdin.flush()
            shown.wait_for_selector("li:not(.running)", state="detached", timeout=wait_ms)
        finally:
            shown.close()
            server.stdin.close()
