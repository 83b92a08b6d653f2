from __future__ import annotations

import os
import sys

import pytest

from stream.cluster.connection import check_address, connected, import_ray
from stream.errors import ConfigError
from tests.helpers.media_server import free_port


@pytest.mark.parametrize("address", ["auto", "local", "10.0.0.5:6379", "head:6379", "[::1]:6379"])
def test_addresses_of_a_head(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("address", ["pairs.csv", "ray://head:10001", "head", "", "head:6379/x"])
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="--ray takes HOST:PORT"):
        check_address(address)


def test_ray_that_is_missing_is_one_sentence_and_telemetry_is_off_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    for name in ("RAY_DISABLE_IMPORT_WARNING", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"):
        monkeypatch.setenv(name, "")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="Ray is not installed"):
        import_ray()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_nobody_at_the_address_is_told_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "RAY_USAGE_STATS_ENABLED",
        "RAY_DISABLE_IMPORT_WARNING",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO",
    ):
        monkeypatch.setenv(name, "")
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(ConfigError, match=f"no Ray cluster answers at {address}"), connected(address):
        pass
