"""RTSP servers as processes that can be killed, stopped and started again on their port."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

# GStreamer's bindings belong to the system's Python.
SYSTEM_PYTHON = "/usr/bin/python3"


class RtspProcess:
    """A server of `tests.helpers.rtsp_server`; options as on its command line, with underscores."""

    def __init__(self, **options: object) -> None:
        self._options = options
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its URL."""
        user, password = self._options.get("user"), self._options.get("password")
        login = f"{user}:{password}@" if user else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/stream"

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the port that it had before."""
        assert self._process is None, "it runs already"
        self._process = subprocess.Popen(
            self._arguments(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        if not told.startswith("port "):
            self.kill()
            raise RuntimeError(f"the server ended before it listened: {shlex.join(self._arguments())}")
        self.port = int(told.split()[1])

    def _arguments(self) -> list[str]:
        arguments = [sys.executable, "-m", "tests.helpers.rtsp_server", "--port", str(self.port)]
        for name, value in self._options.items():
            arguments += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        return arguments

    def tell(self, command: str) -> None:
        """Give it a command."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it by SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
            process.wait()

    def restart(self, **options: object) -> None:
        """Start it again, with other options on top."""
        self.kill()
        self._options |= options
        self.start()

    def stop(self) -> None:
        """Halt it by SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


class GstProcess(RtspProcess):
    """GStreamer's server, in the same hands; of all options it knows user and password, and no commands."""

    def _arguments(self) -> list[str]:
        login = [str(self._options[name]) for name in ("user", "password") if name in self._options]
        return [SYSTEM_PYTHON, str(Path(__file__).with_name("gst_server.py")), str(self.port), *login]


def gstreamer_or_skip() -> None:
    """Skip a test where GStreamer's RTSP server is missing; fail it where REQUIRE_GSTREAMER=1."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        found = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True).returncode == 0
    except OSError:
        found = False
    if not found:
        message = "GStreamer's RTSP server is missing: Debian's gir1.2-gst-rtsp-server-1.0 and python3-gi"
        if os.environ.get("REQUIRE_GSTREAMER") == "1":
            pytest.fail(message)
        pytest.skip(message)
