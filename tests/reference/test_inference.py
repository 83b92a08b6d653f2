"""The inference form equals the full network, whatever the size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gifnet
from gifnet import inference, weights
from gifnet.errors import DeviceError
from gifnet.folding import fold
from gifnet.inference import InferenceForm
from gifnet.model import GIFNet
from stream.bench.roofline import multiply_adds
from tests.reference.formula import formula_model


def pictures(height: int, width: int, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.Generator().manual_seed(height * 1000 + width)
    visible, thermal = torch.rand(2, batch, 1, height, width, generator=noise)
    return visible, thermal


def full(model: GIFNet, visible: torch.Tensor, thermal: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(visible, thermal)


def psnr(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float(-10 * torch.log10((got - expected).square().mean()))


@settings(max_examples=15, deadline=None)
@given(height=st.integers(5, 70), width=st.integers(5, 70))
def test_equals_the_full_network_at_any_size(height: int, width: int) -> None:
    model = formula_model()
    visible, thermal = pictures(height, width)
    difference = (InferenceForm(model)(visible, thermal) - full(model, visible, thermal)).abs().max()
    assert difference < 1e-4


@pytest.mark.parametrize(
    ("band_px", "part_px"), [(1, (8, 16)), (700, (16, 24)), (1 << 30, inference.WHOLE_PX)]
)
def test_equals_the_full_network_across_many_bands_and_in_one(
    monkeypatch: pytest.MonkeyPatch, band_px: int, part_px: tuple[int, int]
) -> None:
    monkeypatch.setattr(inference, "CPU_BAND_PX", band_px)
    monkeypatch.setattr(inference, "CPU_PART_PX", part_px)
    model = formula_model()
    visible, thermal = pictures(90, 117)
    assert (InferenceForm(model)(visible, thermal) - full(model, visible, thermal)).abs().max() < 1e-4


def test_a_picture_does_not_depend_on_its_batch_mates() -> None:
    form = InferenceForm(formula_model())
    visible, thermal = pictures(24, 40, batch=3)
    together = form(visible, thermal)
    alone = torch.cat([form(v[None], t[None]) for v, t in zip(visible, thermal, strict=True)])
    assert torch.equal(together, alone)


def test_another_size_in_between_changes_nothing() -> None:
    form = InferenceForm(formula_model())
    first = form(*pictures(24, 40))
    form(*pictures(31, 17))
    assert torch.equal(form(*pictures(24, 40)), first)


def test_bfloat16_stays_within_45_db() -> None:
    model = formula_model()
    visible, thermal = pictures(64, 96)
    assert psnr(InferenceForm(model, torch.bfloat16)(visible, thermal), full(model, visible, thermal)) > 45


@pytest.mark.refdata
@pytest.mark.parametrize("case", ["0111_1716_0000", "0114_1551_0010"])
def test_real_frames_equal_the_published_output(refdata: Path, case: str) -> None:
    import cv2

    scene, number = case.rsplit("_", 1)
    folder = refdata / "data" / "m3svd" / "frames" / scene
    visible = cv2.imread(str(next((folder / "visible").glob(f"*{number}.jpg"))))[..., ::-1] @ [
        0.299,
        0.587,
        0.114,
    ]
    thermal = cv2.imread(str(next((folder / "thermal").glob(f"*{number}.jpg"))), cv2.IMREAD_GRAYSCALE)
    model = GIFNet()
    weights.load_into(model, weights.read(refdata / "upstream" / "GIFNet_Final.model"))
    expected = torch.from_numpy(
        np.load(refdata / "parity" / "m3svd_frames.npz")[f"{case}/fused"].astype(np.float32)
    )
    inputs = [
        torch.from_numpy(plane.astype(np.uint8)).float()[None, None] / 255 for plane in (visible, thermal)
    ]
    float16_step = 5e-4
    assert (InferenceForm(model)(*inputs)[0, 0] - expected).abs().max() < 1e-4 + float16_step
    assert psnr(InferenceForm(model, torch.bfloat16)(*inputs)[0, 0], expected) > 45


@pytest.fixture
def weight_file(tmp_path: Path) -> Path:
    path = tmp_path / "formula.safetensors"
    weights.save(path, formula_model(), {})
    return path


def test_load_gives_the_inference_form_and_training_drops_it(weight_file: Path) -> None:
    model = gifnet.load(weight_file, precision="float32")
    visible, thermal = pictures(16, 24)
    fused = model(visible, thermal)
    assert not fused.requires_grad
    assert (fused - full(formula_model(), visible, thermal)).abs().max() < 1e-4
    assert model.train()(visible, thermal).requires_grad


def test_precision_is_reported(weight_file: Path) -> None:
    assert gifnet.load(weight_file, precision="bfloat16").precision == "bfloat16"
    assert gifnet.load(weight_file, precision="auto").precision in ("bfloat16", "float32")


def test_new_weights_are_used_at_once(weight_file: Path) -> None:
    model = gifnet.load(weight_file, precision="float32")
    visible, thermal = pictures(16, 24)
    before = model(visible, thermal)
    model.load_state_dict(GIFNet().state_dict())
    assert not torch.allclose(full(model, visible, thermal), before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"precision": "float16"}, "float16 is for GPUs"),
        ({"precision": "int8"}, "must be one of"),
        ({"device": "tpu9"}, "device must be"),
    ],
)
def test_what_is_not_to_be_had_is_one_sentence(
    weight_file: Path, arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(DeviceError, match=words):
        gifnet.load(weight_file, **arguments)


@pytest.mark.parametrize("size", [(1, 1), (4, 64), (64, 4)])
def test_too_small_pictures_are_refused(size: tuple[int, int]) -> None:
    visible, thermal = pictures(*size)
    with pytest.raises(ValueError, match="at least 5x5"):
        InferenceForm(formula_model())(visible, thermal)


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        formula_model()(pictures(16, 16)[0], pictures(16, 24)[1])


def test_a_closed_gate_leaves_the_other_side_out() -> None:
    model = formula_model()
    model.drop_auxiliary()
    form = InferenceForm(model)
    visible, thermal = pictures(37, 50)
    assert form._weights.embed.outputs == 98 and all(block.other is None for block in form._weights.blocks)
    with torch.no_grad():
        whole = model.fuse_as_published(visible, thermal)
    assert (form(visible, thermal) - whole).abs().max() < 1e-4


def test_the_published_form_computes_both_sides_whatever_the_gate(monkeypatch) -> None:
    model = formula_model()
    model.drop_auxiliary()
    others = []
    interact = model.interact
    monkeypatch.setattr(
        model, "interact", lambda main, other: (others.append(other), interact(main, other))[1]
    )
    with torch.no_grad():
        model(*pictures(16, 16))
        model.fuse_as_published(*pictures(16, 16))
    assert others[0] is None and others[1] is not None


def test_needed_arithmetic_follows_the_gate() -> None:
    model = formula_model()
    assert multiply_adds(fold(model, torch.float32)) == pytest.approx(653_000, rel=0.01)
    model.drop_auxiliary()
    assert multiply_adds(fold(model, torch.float32)) == pytest.approx(475_000, rel=0.01)


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (255 * torch.ones(1, 1, 8, 8), r"in \[0, 1\], got values up to 255; divide 8-bit pictures by 255"),
        (torch.ones(1, 1, 8, 8, dtype=torch.uint8), r"floats in \[0, 1\], got torch\.uint8"),
        (np.ones((1, 1, 8, 8), np.float32), r"torch tensors, got ndarray; .*torch\.from_numpy"),
    ],
)
def test_what_is_no_picture_in_0_to_1_is_refused(picture, sentence: str) -> None:
    model = gifnet.load()
    right = torch.ones(1, 1, 8, 8)
    for pictures_ in ((picture, right), (right, picture)):
        with pytest.raises(ValueError, match=sentence):
            model(*pictures_)
