"""An output that is one picture."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from stream.cli.run import run
from stream.config import OutputSettings, RunSettings
from stream.errors import SinkError
from stream.sinks import open_sink, sink_settings
from stream.sinks.base import SinkOptions

STREET = "synthetic://street?seed=1&size=64x48&duration=4"


def test_the_run_ends_with_the_pictures_it_was_to_write(tmp_path: Path) -> None:
    words = [STREET, STREET, "--model", "null", "--device", "cpu", "--start", "2"]
    words += [
        "--view",
        "visible",
        "-o",
        f"{tmp_path}/v.png",
        "--view",
        "thermal",
        "-o",
        f"{tmp_path}/t.jpeg",
    ]
    done = CliRunner().invoke(run, [*words, "--report", f"{tmp_path}/r.json", "-q"])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["complete"] and report["fused"] == 1
    assert [output["frames"] for output in report["outputs"]] == [1, 1]
    seen, warm = (cv2.imread(str(tmp_path / name)) for name in ("v.png", "t.jpeg"))
    assert seen.shape == warm.shape == (48, 64, 3)
    assert np.ptp(warm, axis=2).max() == 0 < np.ptp(seen, axis=2).max()


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "a picture"), ("a.TIF", "a picture"), ("a/", "a folder")]
)
def test_the_suffix_tells_a_picture(tmp_path: Path, name: str, kind: str) -> None:
    assert sink_settings(OutputSettings(uri=f"{tmp_path}/{name}")).kind.startswith(kind)


def test_options_of_videos_and_places_that_are_none_are_refused(tmp_path: Path) -> None:
    values = {"visible": {"uri": "a"}, "thermal": {"uri": "b"}}
    settings = RunSettings.model_validate(values | {"outputs": [{"uri": "one.png", "quality": 3}]})
    with pytest.raises(SinkError, match="a picture takes no quality"):
        sink_settings(settings.outputs[0])
    with pytest.raises(SinkError, match="does not exist"):
        open_sink(OutputSettings(uri=f"{tmp_path}/no/one.png"), SinkOptions())
