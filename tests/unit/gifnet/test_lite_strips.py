"""Lite by strips beside lite as a whole."""

from __future__ import annotations

import gc
import threading

import pytest
import torch

from gifnet.lite.strips import StripedLite
from gifnet.loading import load_lite


@pytest.mark.parametrize("size", [(48, 64), (50, 66), (97, 33), (4, 4), (1, 9), (7, 130)])
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_strips_give_the_picture_of_the_whole(size: tuple[int, int], threads: int) -> None:
    network = load_lite(precision="float32")
    torch.manual_seed(1)
    visible, thermal = torch.rand(2, 1, *size), torch.rand(2, 1, *size)
    with torch.inference_mode():
        whole = network(visible, thermal)
    fused = StripedLite(network, threads)(visible, thermal)
    assert fused.shape == whole.shape
    torch.testing.assert_close(fused, whole, rtol=0, atol=2e-6)


@pytest.mark.parametrize("exposes", [True, False])
def test_all_strips_of_a_picture_are_exposed_alike(exposes: bool) -> None:
    """One half is dark and one bright: an offset by the strip would differ by a fifth of white."""
    network = load_lite(precision="float32")
    network.exposes = exposes
    visible = torch.cat([torch.full((1, 1, 48, 64), each) for each in (0.1, 0.9)], dim=2)
    fused = StripedLite(network, 2)(visible, visible)
    with torch.inference_mode():
        torch.testing.assert_close(fused, network(visible, visible), rtol=0, atol=2e-6)
    assert StripedLite(network, 2).exposes is exposes


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_pictures_of_a_batch_are_those_of_single_calls(count: int, threads: int) -> None:
    striped = StripedLite(load_lite(precision="float32"), threads)
    torch.manual_seed(2)
    visible, thermal = torch.rand(count, 1, 50, 66), torch.rand(count, 1, 50, 66)
    together = striped(visible, thermal)
    alone = [striped(visible[i : i + 1], thermal[i : i + 1]) for i in range(count)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=2e-6)


@pytest.mark.parametrize("closed", [True, False])
def test_threads_end_with_it_and_properties_are_the_networks(closed: bool) -> None:
    network = load_lite(precision="float32")
    striped = StripedLite(network, 3)
    picture = torch.rand(1, 1, 64, 64)
    striped(picture, picture)
    assert (striped.weights_sha256, striped.precision) == (network.weights_sha256, "float32")
    # One of them where it was done with its strip before the next was given out.
    workers = [thread for thread in threading.enumerate() if thread.name.startswith("lite")]
    assert 1 <= len(workers) <= 2
    if closed:
        striped.close()
        striped.close()
    del striped
    gc.collect()
    for worker in workers:
        worker.join(10)
        assert not worker.is_alive()


def test_pictures_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="two pictures of one shape"):
        StripedLite(load_lite(precision="float32"), 2)(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 12))
