"""An S3 server of this machine, by moto on flask, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("at http://%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
server.stop()
"""
# Credentials for it, and nothing that the user's own account could come in by.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of an empty server, which ends with the block."""
    line = [sys.executable, "-c", _SERVE]
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin and process.stdout
        said = next((line for line in process.stdout if line.startswith("at ")), "")
        assert said, "the server does not start"
        try:
            yield said.removeprefix("at ").strip()
        finally:
            process.stdin.close()
            process.stdout.read()


def ask(url: str, data: bytes = b"") -> None:
    """POST something to the server's own interface."""
    headers = {"Content-Type": "application/octet-stream"}
    urllib.request.urlopen(urllib.request.Request(url, data, headers, method="POST")).close()
