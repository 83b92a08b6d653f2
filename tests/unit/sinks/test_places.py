from __future__ import annotations

from pathlib import Path

import pytest

from stream.config import RunSettings, validate
from stream.errors import ConfigError
from stream.sinks import check_outputs


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
    check_outputs(settings(tmp_path, report=tmp_path / "report.json"))


@pytest.mark.parametrize("name", ["visible.mp4", "thermal.mp4", "./x/../visible.mp4"])
def test_an_output_that_is_an_input(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ConfigError, match=r"is also the .* input"):
        check_outputs(settings(tmp_path, name))


def test_an_output_that_is_a_link_to_an_input(tmp_path: Path) -> None:
    chosen = settings(tmp_path, "link.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "visible.mp4")
    with pytest.raises(ConfigError, match="would be overwritten"):
        check_outputs(chosen)


def test_two_outputs_of_one_name(tmp_path: Path) -> None:
    output = {"uri": str(tmp_path / "out.mp4")}
    with pytest.raises(ConfigError, match="are the same file"):
        check_outputs(settings(tmp_path, outputs=[output, output]))


def test_a_report_over_the_weights(tmp_path: Path) -> None:
    weights = tmp_path / "own.safetensors"
    with pytest.raises(ConfigError, match="is also the weights"):
        check_outputs(settings(tmp_path, report=weights, fusion={"weights": str(weights)}))


def test_pictures_into_the_folder_they_come_from(tmp_path: Path) -> None:
    chosen = settings(
        tmp_path, outputs=[{"uri": f"images://{tmp_path}"}], visible={"uri": f"{tmp_path}/*.png"}
    )
    with pytest.raises(ConfigError, match="is also the visible input"):
        check_outputs(chosen)


def test_a_report_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"folder of the report .* does not exist"):
        check_outputs(settings(tmp_path, report=tmp_path / "no" / "report.json"))


def test_outputs_that_are_no_files_may_repeat(tmp_path: Path) -> None:
    check_outputs(settings(tmp_path, outputs=[{"uri": "null://"}, {"uri": "null://"}]))


@pytest.mark.parametrize("prefix", ["live://", "loop://", "chaos://drop@1!", "chaos://drop@1!loop://"])
def test_an_output_over_a_recording_that_is_played(tmp_path: Path, prefix: str) -> None:
    chosen = settings(tmp_path, "visible.mp4", visible={"uri": f"{prefix}{tmp_path}/visible.mp4"})
    with pytest.raises(ConfigError, match="is also the visible input"):
        check_outputs(chosen)


def test_an_output_in_a_recording_that_is_fused_again(tmp_path: Path) -> None:
    replay = {"uri": f"replay://{tmp_path}/r"}
    (tmp_path / "r").mkdir()
    for output in ("r/fused.mp4", "r/visible-0000.mkv"):
        with pytest.raises(ConfigError, match="lies in the visible input replay://"):
            check_outputs(settings(tmp_path, output, visible=replay, thermal=replay))


@pytest.mark.parametrize("uri", ["{}/in", "images://{}/in", "loop://images://{}/in", "recording://{}/in"])
def test_an_output_inside_a_folder_that_is_read(tmp_path: Path, uri: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for output in ("in/out.mp4", "in/deeper/a.mkv", "link/out.mp4"):
        with pytest.raises(ConfigError, match="lies in the visible input"):
            check_outputs(settings(tmp_path, output, visible={"uri": uri.format(tmp_path)}))
    with pytest.raises(ConfigError, match=r"the report .* lies in the visible input"):
        report = tmp_path / "in/report.json"
        check_outputs(settings(tmp_path, visible={"uri": uri.format(tmp_path)}, report=report))


def test_an_output_that_is_a_hard_link_to_an_input(tmp_path: Path) -> None:
    chosen = settings(tmp_path, "hard.mp4")
    (tmp_path / "hard.mp4").hardlink_to(tmp_path / "thermal.mp4")
    with pytest.raises(ConfigError, match="is also the thermal input"):
        check_outputs(chosen)


def test_an_output_that_is_a_hard_link_to_a_file_in_a_folder_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").touch()
    (tmp_path / "hard.mp4").hardlink_to(tmp_path / "in/a.png")
    for uri in ("{}/in", "{}/in/*.png"):
        with pytest.raises(ConfigError, match="is also the visible input"):
            check_outputs(settings(tmp_path, "hard.mp4", visible={"uri": uri.format(tmp_path)}))


def test_a_sidecar_is_an_output_too(tmp_path: Path) -> None:
    output = {"uri": str(tmp_path / "a.mp4"), "sidecar": True}
    with pytest.raises(ConfigError, match=r"a\.jsonl, is also the calibration"):
        registration = {"file": str(tmp_path / "a.jsonl")}
        check_outputs(settings(tmp_path, outputs=[output], registration=registration))
    with pytest.raises(ConfigError, match="are the same file"):
        check_outputs(settings(tmp_path, outputs=[output], report=tmp_path / "a.jsonl"))


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("images://{}", "000012.png"),
        ("hls://{}", "index-000001.ts"),
        ("{}/a.m3u8", "a-000001.ts"),
    ],
)
def test_an_input_that_an_output_would_sweep_away(tmp_path: Path, output: str, name: str) -> None:
    (tmp_path / name).touch()
    outputs = [{"uri": output.format(tmp_path)}]
    check_outputs(settings(tmp_path, outputs=outputs))
    with pytest.raises(ConfigError, match="would be overwritten"):
        check_outputs(settings(tmp_path, outputs=outputs, visible={"uri": str(tmp_path / name)}))


@pytest.mark.parametrize(
    ("name", "kind"), [("/dev/full", "a device"), ("link.json", "a link"), ("in", "a folder")]
)
def test_a_report_in_the_place_of_what_is_no_file(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in").mkdir()
    with pytest.raises(ConfigError, match=f"the report .* cannot be written: it is {kind}"):
        check_outputs(settings(tmp_path, report=tmp_path / name))
