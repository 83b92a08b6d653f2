"""`gifnet sync-check` on recordings and live streams, and what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import yaml

from stream.config import FuseSettings
from stream.errors import ConfigError
from stream.files.yaml_edit import write_number
from stream.runtime.clock import SystemClock
from stream.sync_check.run import check_sync
from tests.helpers.patience import patience
from tests.helpers.python_camera import python_uri
from tests.unit.sync_check.test_motion import walk

RATE = 25


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A body that wanders, seen by two cameras, the thermal one 200 ms late by its stamps."""
    folder, path = tmp_path_factory.mktemp("clips"), walk(3)
    across, down = np.meshgrid(np.arange(96), np.arange(72))
    made = []
    for name, bright, late_s in (("visible", 30, 0.0), ("thermal", 220, 0.2)):
        made.append(folder / f"{name}.mkv")
        with av.open(str(made[-1]), "w") as container:
            stream = container.add_stream("ffv1", rate=RATE)
            stream.width, stream.height, stream.pix_fmt = 96, 72, "gray"
            for index in range(12 * RATE):
                x, y = path(index / RATE - late_s)
                body = np.exp(-((across - x) ** 2 + (down - y) ** 2) / 90)
                picture = (110 + (bright - 110) * body).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
            container.mux(stream.encode(None))
    return made[0], made[1]


def sync_check(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stream", "sync-check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience(120))


def test_recordings(clips: tuple[Path, Path]) -> None:
    done = sync_check(*clips)
    assert done.returncode == 0, done.stderr
    assert "pass --offset-ms 20" in done.stdout or "pass --offset-ms 19" in done.stdout
    told = json.loads(sync_check(*clips, "--json").stdout)
    assert told["offset_ms"] == pytest.approx(200, abs=5)
    assert told["visible"]["rate"] == pytest.approx(RATE)


def test_live_streams_and_the_configuration(clips: tuple[Path, Path], tmp_path: Path) -> None:
    config = tmp_path / "pair.yaml"
    config.write_text(
        f"# two cameras on the roof\nvisible: {{uri: 'live://{clips[0]}'}}\n"
        f"thermal: {{uri: 'live://{clips[1]}'}}\npairing: {{tolerance_ms: 20, unpaired: hold}}  # as agreed\n"
    )
    done = sync_check("-c", config, "--write", "--seconds", "11")
    assert done.returncode == 0, done.stdout + done.stderr
    text = config.read_text()
    assert "# two cameras on the roof" in text and "# as agreed" in text
    pairing = yaml.safe_load(text)["pairing"]
    # Both are played from their first frames, which two threads open at slightly different moments.
    assert pairing.pop("offset_ms") == pytest.approx(200, abs=60)
    assert pairing == {"tolerance_ms": 20, "unpaired": "hold"}


def test_cameras_of_ones_own_that_stamp_their_frames() -> None:
    """Two iterables, played four times as fast as their stamps say."""
    path = walk(3)
    across, down = np.meshgrid(np.arange(96), np.arange(72))

    def camera(rate: int, late_s: float, channels: int) -> Iterator[tuple[np.ndarray, Fraction]]:
        rng, begun_s = np.random.default_rng(channels), time.monotonic()
        for index in range(20 * rate):
            x, y = path(index / rate)
            body = np.exp(-((across - x) ** 2 + (down - y) ** 2) / 90)
            grey = (110 + (200 - 90 * channels) * body * 0.5 + rng.normal(0, 2, body.shape)).astype(np.uint8)
            time.sleep(max(0.0, begun_s + index / rate / 4 - time.monotonic()))
            stamp_s = Fraction(1_700_000_000) + Fraction(index, rate) + Fraction(late_s)
            yield (np.repeat(grey[..., None], 3, axis=2) if channels == 3 else grey), stamp_s

    uris = {"visible": python_uri(camera(25, 0.0, 3)), "thermal": python_uri(camera(20, 0.35, 1))}
    settings = FuseSettings.model_validate({side: {"uri": uri} for side, uri in uris.items()})
    found = check_sync(settings, 60, 2.0, SystemClock())
    assert found.estimate.doubt is None
    assert found.estimate.offset_ms == pytest.approx(350, abs=5)
    assert found.thermal.rate == pytest.approx(20) and found.thermal.jitter_ms < 1


def test_a_camera_that_is_not_there() -> None:
    begun_s = time.monotonic()
    done = sync_check("rtsp://ann:secret@127.0.0.1:1/a", "rtsp://127.0.0.1:1/b", "--seconds", "5")
    assert done.returncode == 1 and "no picture came from the visible camera" in done.stderr
    assert "secret" not in done.stderr and "Traceback" not in done.stderr
    assert time.monotonic() - begun_s < patience(20)


def test_doubt_is_valid_json(clips: tuple[Path, Path]) -> None:
    done = sync_check(*clips, "--json", "--seconds", "5")
    assert done.returncode == 1 and "5 s are needed" in done.stderr

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    told = json.loads(done.stdout, parse_constant=refuse)
    assert told["offset_ms"] is None and told["uncertainty_ms"] is None and told["doubt"] in done.stderr


def test_nothing_is_written_when_it_is_not_certain(clips: tuple[Path, Path], tmp_path: Path) -> None:
    config = tmp_path / "pair.yaml"
    street = "synthetic://street?seed={}&size=64x48&duration=4"
    config.write_text(f"visible: {{uri: '{street.format(1)}'}}\nthermal: {{uri: '{street.format(2)}'}}\n")
    before = config.read_text()
    done = sync_check("-c", config, "--write")
    assert done.returncode == 1 and "the offset is not certain" in done.stderr
    assert config.read_text() == before


def test_write_needs_a_file(clips: tuple[Path, Path]) -> None:
    done = sync_check(*clips, "--write")
    assert done.returncode == 1 and "--write needs a configuration file" in done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "pairing:\n  offset_ms: 7.5\n"),
        ("device: cpu\n", "device: cpu\n\npairing:\n  offset_ms: 7.5\n"),
        ("pairing:\n  offset_ms: 3  # old\n", "pairing:\n  offset_ms: 7.5  # old\n"),
        (
            "pairing:  # how\n    tolerance_ms: 20\ndevice: cpu\n",
            "pairing:  # how\n    offset_ms: 7.5\n    tolerance_ms: 20\ndevice: cpu\n",
        ),
        ("pairing: {offset_ms: auto, shutter: on}\n", "pairing: {offset_ms: 7.5, shutter: on}\n"),
        ("pairing: {}\n", "pairing: {offset_ms: 7.5}\n"),
    ],
)
def test_a_number_is_put_into_yaml(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(before or "{}\n")
    if not before:
        path.write_text("# nothing yet\nlive: {queue_ms: 5}\n")
        after = "# nothing yet\nlive: {queue_ms: 5}\n\n" + after
    write_number(path, "pairing", "offset_ms", 7.5)
    assert path.read_text() == after


def test_a_private_file_stays_private_and_a_link_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "pair.yaml", tmp_path / "link.yaml"
    path.write_text("visible: {uri: 'rtsp://ann:secret@camera/'}\n")
    path.chmod(0o600)
    link.symlink_to(path)
    write_number(link, "pairing", "offset_ms", 7.5)
    assert link.is_symlink() and "offset_ms: 7.5" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_yaml_that_is_laid_out_strangely_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    text = "pairing:\n  {tolerance_ms: 20,\n   offset_ms: 3}\n"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"set pairing\.offset_ms: 7\.5 by hand"):
        write_number(path, "pairing", "offset_ms", 7.5)
    assert path.read_text() == text
