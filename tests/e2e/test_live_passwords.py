"""Passwords as people have them, against servers that ask for them by Basic and by Digest."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from stream.config import InputSettings, LiveSettings
from stream.errors import PasswordError
from stream.frame import Frame
from stream.runtime.clock import SystemClock
from stream.sources.live import open_live
from tests.helpers.rtsp_process import GstProcess, RtspProcess, gstreamer_or_skip
from tests.helpers.running import running

PASSWORDS = [
    "plain1",
    "p@ss",
    "p#ss",
    "p%ss",
    "p%40ss",
    "a:b:c",
    "a/b",
    "a?b=c",
    "pä$s&x",
    "[x]",
    "a b",
    "^!*()",
]


def frames_of(uri: str, **settings: str) -> list[Frame]:
    values = InputSettings.model_validate({"uri": uri, "timeout_s": 2.0, **settings})
    with open_live(values, "visible", SystemClock(), lambda s: False, live=LiveSettings()) as source:
        return list(itertools.islice(source, 2))


@pytest.mark.parametrize("kind", [RtspProcess, GstProcess])
@pytest.mark.parametrize("password", PASSWORDS)
def test_any_password_lets_in(kind: type[RtspProcess], password: str) -> None:
    if kind is GstProcess:
        gstreamer_or_skip()
    with kind(user="admin", password=password) as server:
        bare = f"rtsp://127.0.0.1:{server.port}/stream"
        assert len(frames_of(bare, user="admin", password=password)) == 2
        assert len(frames_of(bare.replace("//", f"//admin:{quote(password, safe='')}@"))) == 2
        if password != "p%40ss":  # which a URI takes for p@ss
            assert len(frames_of(bare.replace("//", f"//admin:{password}@"))) == 2
        with pytest.raises(PasswordError) as caught:
            frames_of(bare, user="admin", password=f"{password}x")
        assert password not in str(caught.value)


def test_the_environment_lets_a_run_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    password = "p@ss/w#rd"
    with RtspProcess(user="admin", password=password) as server:
        camera = f"rtsp://127.0.0.1:{server.port}/stream"
        for side in ("VISIBLE", "THERMAL"):
            monkeypatch.setenv(f"GIFNET_{side}_USER", "admin")
            monkeypatch.setenv(f"GIFNET_{side}_PASSWORD", password)
        report = tmp_path / "report.json"
        words = ("-o", "null://", "--duration-s", "3", "--report", report)
        with running(*words, cameras=(camera, camera)) as run:
            run.process.wait(60)
            run.hear_out()
        said = "".join(run.said) + report.read_text() + (os.environ["GIFNET_VISIBLE_USER"])
        assert run.process.returncode == 0, said
        assert password not in said and "p%40ss" not in said
