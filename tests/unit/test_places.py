from __future__ import annotations

from pathlib import Path

import pytest

from stream.config import RunSettings, validate
from stream.errors import ConfigError
from stream.files.run_paths import check_places


def settings(folder: Path, output: str = "out.mp4", **more: object) -> RunSettings:
    for name in ("visible.mp4", "thermal.mp4"):
        (folder / name).touch()
    values = {
        "visible": {"uri": str(folder / "visible.mp4")},
        "thermal": {"uri": str(folder / "thermal.mp4")},
        "outputs": [{"uri": str(folder / output)}],
    }
    return validate(RunSettings, values | more, "here")


def test_different_places_are_fine(tmp_path: Path) -> None:
    check_places(settings(tmp_path, report=tmp_path / "report.json"))


@pytest.mark.parametrize("name", ["visible.mp4", "thermal.mp4", "./x/../visible.mp4"])
def test_an_output_that_is_an_input(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ConfigError, match=r"is also the .* input"):
        check_places(settings(tmp_path, name))


def test_an_output_that_is_a_link_to_an_input(tmp_path: Path) -> None:
    chosen = settings(tmp_path, "link.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "visible.mp4")
    with pytest.raises(ConfigError, match="would be overwritten"):
        check_places(chosen)


def test_two_outputs_of_one_name(tmp_path: Path) -> None:
    output = {"uri": str(tmp_path / "out.mp4")}
    with pytest.raises(ConfigError, match="are the same file"):
        check_places(settings(tmp_path, outputs=[output, output]))


def test_a_report_over_the_weights(tmp_path: Path) -> None:
    weights = tmp_path / "own.safetensors"
    with pytest.raises(ConfigError, match="is also the weights"):
        check_places(settings(tmp_path, report=weights, fusion={"weights": str(weights)}))


def test_pictures_into_the_folder_they_come_from(tmp_path: Path) -> None:
    chosen = settings(
        tmp_path, outputs=[{"uri": f"images://{tmp_path}"}], visible={"uri": f"{tmp_path}/*.png"}
    )
    with pytest.raises(ConfigError, match="is also the visible input"):
        check_places(chosen)


def test_a_report_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"folder of the report .* does not exist"):
        check_places(settings(tmp_path, report=tmp_path / "no" / "report.json"))


def test_outputs_that_are_no_files_may_repeat(tmp_path: Path) -> None:
    check_places(settings(tmp_path, outputs=[{"uri": "null://"}, {"uri": "null://"}]))
