"""Levels and steadiness inside the captured step: no number goes back to the host, no memory moves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gifnet.level import levelled
from stream.fusion import steady as module
from stream.fusion.steady import SteadyNetwork
from tests.helpers.cuda_stub import StubContext, install
from tests.unit.fusion.test_fuser import fuser, landed, pair_of


def mean(visible: Tensor, thermal: Tensor) -> Tensor:
    return (visible.float() + thermal.float()) / 2


@pytest.mark.parametrize("batch", [1, 3])
def test_neither_looks_at_what_is_in_a_tensor(batch: int) -> None:
    """Tensors without memory have nothing to look at, so anything that would wait for a GPU fails here."""
    network = SteadyNetwork(levelled(mean, 1.0), 0.7)
    picture = torch.empty(batch, 1, 53, 71, dtype=torch.bfloat16, device="meta")
    for _ in range(2):
        assert network(picture, picture).shape == picture.shape
    network.forget()


def test_what_goes_from_frame_to_frame_stays_in_its_place() -> None:
    """A graph knows the frame before by its address."""
    network = SteadyNetwork(levelled(mean, 1.0), 0.7)
    places = []
    for seed in range(3):
        picture = torch.rand(2, 1, 48, 64, generator=torch.Generator().manual_seed(seed))
        network(picture, picture)
        network.forget()
        places.append((network._frame.data_ptr(), network._cells.data_ptr()))
    assert len(set(places)) == 1


def test_with_the_defaults_a_frame_is_a_replay_and_nothing_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both run while the step is warmed up and captured, three times and once, and never again."""
    cuda = install(monkeypatch)
    calls = []
    stillness = module.stillness
    monkeypatch.setattr(module, "stillness", lambda *cells: (calls.append(1), stillness(*cells))[1])
    by = fuser(context=StubContext())
    assert by._settings.fusion.used_level and by._settings.fusion.used_steady
    assert len(calls) == 4
    begin = len(cuda.log)
    assert len(landed(by, [pair_of(index) for index in range(5)])) == 5
    compute = by._context.compute.stream.cuda_stream  # type: ignore[attr-defined]  # of a CudaStream
    assert len(calls) == 4
    assert [said for stream, said in cuda.log[begin:] if stream == compute and said == "replay"] == [
        "replay"
    ] * 5
    by.close()
