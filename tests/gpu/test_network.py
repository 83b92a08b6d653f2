"""The network's forms on a GPU: near the CPU's float32, and the same when captured."""

from __future__ import annotations

import pytest
import torch

import gifnet
from benchmarks.gpu.network import packaged_network
from gifnet.gpu.parts import PARTS
from gifnet.loading import Precision
from gifnet.model import GIFNet
from stream.device.cuda_graph import CapturedGraph
from stream.device.streams import take_stream
from tests.reference.test_inference import pictures, psnr

pytestmark = pytest.mark.gpu
SIZES = [(480, 640, 1), (333, 517, 2), (5, 5, 1), (64, 64, 4)]


@pytest.fixture(scope="module")
def exact() -> GIFNet:
    return gifnet.load(precision="float32")


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("size", SIZES)
def test_it_is_the_cpu_s_within_45_db(
    cuda: str, exact: GIFNet, precision: Precision, size: tuple[int, int, int]
) -> None:
    model = gifnet.load(device=cuda, precision=precision)
    visible, thermal = pictures(*size)
    got = model(visible.to(cuda), thermal.to(cuda)).cpu()
    assert psnr(got, exact(visible, thermal)) > (80 if precision == "float32" else 45)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_captured_form_fuses_new_pictures(cuda: str, precision: Precision) -> None:
    model = gifnet.load(device=cuda, precision=precision)
    visible, thermal = (picture.to(cuda) for picture in pictures(96, 128))
    fused = torch.empty_like(visible)

    def work() -> None:
        fused.copy_(model(visible, thermal))

    graph = CapturedGraph(work, take_stream(torch.device("cuda", 0)))
    for seed in (1, 2):
        visible.copy_(torch.rand(visible.shape, generator=torch.Generator().manual_seed(seed)))
        graph.replay()
        torch.testing.assert_close(fused, model(visible, thermal), rtol=0, atol=2e-3)
    graph.close()


@pytest.mark.parametrize("both_sides", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_fused_parts_are_as_close_as_today_s(cuda: str, dtype: torch.dtype, both_sides: bool) -> None:
    """And as often as it runs: sums are not taken in another order each time."""
    from gifnet.gpu.form import TritonForm

    model = packaged_network(torch.device(cuda))
    if both_sides:
        model.interaction.blocks[0].sides["multi-focus"].gate.data.fill_(0.5)
    visible, thermal = pictures(75, 130, 2)
    with torch.inference_mode():
        expected = model.cpu()(visible, thermal)
        form = TritonForm(model.to(cuda), dtype, tuple(PARTS))
        first = form(visible.to(cuda), thermal.to(cuda))
        assert psnr(first.cpu(), expected) > 45
        for _ in range(10):
            assert torch.equal(form(visible.to(cuda), thermal.to(cuda)), first)


def test_16_bits_run_in_triton_where_they_can(cuda: str) -> None:
    capable = torch.cuda.get_device_capability() >= (8, 0)
    assert gifnet.load(device=cuda).form == ("triton" if capable else "torch")
    assert gifnet.load(device=cuda, precision="float32").form == "torch"
