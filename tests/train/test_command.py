"""`gifnet train` from the command line."""

import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from gifnet.errors import TrainingError
from gifnet.train.loop import Run
from stream.cli.train import train
from stream.runtime.signals import Stopped

SMALL = "{crop_px: 48, batch: 1, iterations: 2, precision: float32, log_every: 1}"


def call(*words: object) -> int:
    result = CliRunner().invoke(train, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code


def test_options_win_over_the_file_and_weights_come_out(pairs: Path, tmp_path: Path):
    config = tmp_path / "small.yaml"
    config.write_text(SMALL)
    common = ("--config", config, "--data", pairs, "--output", tmp_path / "run", "--iterations", 1)
    assert call(*common) == 0
    assert (tmp_path / "run" / "checkpoint_0000001.pt").is_file()
    assert call(*common, "--export", tmp_path / "own.safetensors") == 0
    assert (tmp_path / "own.safetensors").is_file()
    assert (tmp_path / "MODEL_CARD.md").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_tells_its_number(
    pairs: Path, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
):
    config = tmp_path / "small.yaml"
    config.write_text(SMALL)
    advance = Run.advance

    def interrupted(run: Run) -> dict[str, float]:
        signal.raise_signal(number)
        return advance(run)

    monkeypatch.setattr(Run, "advance", interrupted)
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped:
        call("-c", config, "--data", pairs, "-o", tmp_path / "run")
    assert stopped.value.signal == number
    assert (tmp_path / "run" / "checkpoint_0000001.pt").is_file()
    assert signal.getsignal(number) is before


def test_missing_data_is_one_sentence():
    with pytest.raises(TrainingError, match="the options: data is missing"):
        call("--iterations", 1)
