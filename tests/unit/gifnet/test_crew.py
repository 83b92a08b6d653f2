"""Threads that work off tiles: the same picture, to the bit, however many there are."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from gifnet import inference
from gifnet.crew import Crew
from gifnet.model import GIFNet


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 3])
def test_every_tile_is_done_once_and_torch_keeps_its_threads(count: int) -> None:
    torch.set_num_threads(count)
    done, who, crew = [], set(), Crew()

    def work(tile: int) -> None:
        done.append(tile)
        who.add((threading.current_thread().name, torch.get_num_threads()))

    for _ in range(2):
        crew.each(work, range(50))
    assert sorted(done) == sorted([*range(50)] * 2)
    assert {threads for _, threads in who} == {1}
    assert torch.get_num_threads() == count


@pytest.mark.parametrize("inference_mode", [True, False])
def test_threads_take_the_modes_of_the_caller(inference_mode: bool) -> None:
    torch.set_num_threads(2)
    with torch.inference_mode(inference_mode):
        maps = torch.zeros(4)
        Crew().each(lambda tile: maps[tile].add_(1), range(4))
    assert maps.tolist() == [1, 1, 1, 1] and maps.is_inference() == inference_mode


def test_what_goes_wrong_on_a_thread_is_raised() -> None:
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError):
        Crew().each(lambda tile: print(1 // tile), range(3))


def test_pictures_are_the_same_to_the_bit_by_one_thread_and_by_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inference, "CPU_BAND_PX", 128)
    monkeypatch.setattr(inference, "CPU_PART_PX", (8, 16))
    form = inference.InferenceForm(GIFNet().eval())
    visible, thermal = torch.rand(2, 1, 1, 40, 52, generator=torch.Generator().manual_seed(1))
    pictures = []
    for count in (1, 3, 3):
        torch.set_num_threads(count)
        pictures.append(form(visible, thermal))
    assert torch.equal(pictures[0], pictures[1]) and torch.equal(pictures[1], pictures[2])
