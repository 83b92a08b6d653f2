"""Methods of gain control: found by their names, and what a new one may do."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor

from cuda_kernels import cpu as host
from stream.config import GainSettings
from stream.thermal import methods
from stream.thermal.agc import Agc
from stream.thermal.agc_plan import find_method
from stream.thermal.front_end import ThermalFrontEnd
from stream.thermal.methods.base import GainMethod
from tests.unit.thermal.test_front_end import SIZE, counts

NAMES = sorted(set(get_args(GainSettings.model_fields["method"].annotation)) - {"auto"})
# Modules that several methods share.
SHARED = {"__init__", "base", "curve"}


def test_settings_and_modules_have_the_same_names() -> None:
    modules = {path.stem for path in Path(methods.__path__[0]).glob("*.py")}
    assert sorted(modules - SHARED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_method_is_found_by_its_name(name: str) -> None:
    assert issubclass(find_method(name), GainMethod)


@pytest.mark.parametrize("name", ["percentile", "plateau", "clahe"])
@pytest.mark.parametrize("detail", [1, 3])
def test_frames_of_a_batch_have_memory_of_their_own(name: str, detail: float, tmp_path: Path) -> None:
    """A batch gives what its frames give one by one."""
    (tmp_path / "bad.txt").write_text("7 3\n", encoding="utf-8")
    keys = {"method": name, "detail": detail, "bad_pixels": tmp_path / "bad.txt"}
    frames = [counts(seed, 3000, 4000 + 2000 * seed) for seed in range(3)]

    def shown(batch: int) -> list[Tensor]:
        gain = Agc(GainSettings.model_validate(keys), 14, host)
        front = ThermalFrontEnd(gain, SIZE, torch.uint16, host, batch)
        results: list[Tensor] = []
        for start in range(0, len(frames), batch):
            part = [
                front(raw, torch.tensor([gain.next_ema_weight()]), index)
                for index, raw in enumerate(frames[start : start + batch])
            ]
            results += [host.normalise(*each) for each in part]
        return results

    for alone, together in zip(shown(1), shown(3), strict=True):
        assert torch.equal(alone, together)
