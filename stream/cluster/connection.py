"""Connect to a Ray cluster, with its telemetry off and its dashboard not started."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stream.errors import ConfigError

NAMESPACE = "gifnet"
# Before Ray is imported, so that processes that it starts have them too.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>\d{1,5})")
_ANSWER_S = 5.0


def import_ray() -> Any:
    """The module `ray`, with its usage reports switched off.

    Raises:
        ConfigError: it is not installed.
    """
    os.environ.update(_ENVIRONMENT)
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise ConfigError(
            "Ray is not installed; install gifnet-stream[ray] on every node, or leave out --ray"
        ) from None
    return ray


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The module `ray`, connected inside the block.

    Args:
        address: HOST:PORT of the head node, `auto` for a cluster that this machine is part of, or `local` for
            one of this machine alone that ends with the block.

    Raises:
        ConfigError: the address is none, Ray is not installed, or no cluster answers.
    """
    check_address(address)
    _knock(address)
    ray = import_ray()
    settings: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": "error"}
    if address == "local":
        settings["include_dashboard"] = False
    try:
        ray.init(address=address, **settings)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise ConfigError(_not_there(address, str(error).split("\n")[0])) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def check_address(address: str, remedy: str = "") -> None:
    """Refuse an invalid address.

    Args:
        address: see `connected`.
        remedy: further words for the message.

    Raises:
        ConfigError: says what is allowed.
    """
    if address not in ("auto", "local") and not _HOST_PORT.fullmatch(address):
        raise ConfigError(f"--ray takes HOST:PORT of the head node, auto or local, got {address}{remedy}")


def _knock(address: str) -> None:
    """Find out in seconds that nothing listens, for which Ray takes a minute.

    Raises:
        ConfigError: nothing does.
    """
    match = _HOST_PORT.fullmatch(address)
    if match is None:
        return
    try:
        socket.create_connection((match["host"].strip("[]"), int(match["port"])), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(_not_there(address, why)) from None


def _not_there(address: str, why: str) -> str:
    start = "begin one by `ray start --head --node-ip-address=127.0.0.1 --include-dashboard=false`"
    return f"no Ray cluster answers at {address} ({why}); {start}, or leave out --ray"
