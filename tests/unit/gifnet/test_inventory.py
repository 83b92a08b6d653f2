from __future__ import annotations

import pwd

import pytest

from gifnet.errors import WeightsError
from gifnet.inventory import inventory
from gifnet.weight_places import resolve, store


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder, whom the machine does not know: usual in containers."""

    def unknown(number: int) -> None:
        raise KeyError(f"uid not found: {number}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("GIFNET_WEIGHTS_DIR", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_who_has_no_home_has_the_packaged_weights(nobody: None) -> None:
    assert [entry.name for entry in inventory()] == ["default", "lite"]
    assert resolve("default").is_file()


def test_who_has_no_home_is_told_how_to_name_a_folder(nobody: None) -> None:
    for ask in (store, lambda: resolve("published")):
        with pytest.raises(WeightsError, match="name a folder in GIFNET_WEIGHTS_DIR"):
            ask()
