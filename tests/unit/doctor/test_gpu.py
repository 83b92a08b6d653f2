"""Conclusions of the doctor about the GPU."""

from __future__ import annotations

import pytest

from gifnet.hardware import TritonParts
from stream.doctor.codecs import encoder_rows
from stream.doctor.gpu import Card, cuda_row, kernels_row, nvdec_row, triton_row
from stream.runtime.host_info import driver_version

H200 = Card("NVIDIA H200", (9, 0), 100 << 30, 140 << 30)
VOLTA = Card("Tesla V100", (7, 0), 10 << 30, 16 << 30)


@pytest.mark.parametrize(
    ("built_for", "driver", "cards", "words", "standing"),
    [
        ("13.0", "580.1", [H200], "H200, compute capability 9.0, 100.0 of 140.0 GiB free; CUDA 13.0", "ok"),
        ("13.0", "580.1", [VOLTA], "compute capability 7.0", "missing"),
        (None, None, [], "no NVIDIA driver", "missing"),
        (None, "580.1", [], "built without CUDA", "missing"),
        ("13.0", "470.1", [], "finds no GPU", "missing"),
    ],
)
def test_every_way_to_lack_a_gpu_has_its_remedy(built_for, driver, cards, words, standing):
    row = cuda_row(built_for, driver, cards)
    assert words in row.found
    assert row.standing == standing
    assert bool(row.remedy) == (standing != "ok")


def test_the_driver_names_its_version():
    text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Release Build\nGCC version: 12.2\n"
    assert driver_version(text) == "580.65.06"
    assert driver_version("") is None


@pytest.mark.parametrize(
    ("capability", "version", "compiler", "headers", "words"),
    [
        ((9, 0), None, "gcc", True, "not installed"),
        ((9, 0), "3.6.0", None, True, "but a C compiler is missing"),
        ((9, 0), "3.6.0", "gcc", False, "but Python.h is missing"),
        ((7, 5), "3.6.0", "gcc", True, "not used on compute capability 7.5"),
    ],
)
def test_every_way_to_lack_triton_has_its_remedy(capability, version, compiler, headers, words):
    row = triton_row(capability, TritonParts(version, compiler, headers))
    assert row.standing == "missing" and words in row.found
    assert "without it" in row.remedy


def test_triton_is_fine_without_a_gpu_to_judge_it_by():
    assert triton_row(None, TritonParts("3.6.0", "gcc", True)).standing == "ok"


def test_kernels_are_compiled_also_without_a_gpu():
    pytest.importorskip("nvidia")
    row = kernels_row(None)
    assert row.standing == "ok", row
    assert "sm_75" in row.found


def test_without_a_gpu_the_cpu_decodes_and_encodes():
    assert nvdec_row(has_gpu=False).standing == "missing"
    rows = {row.name: row for row in encoder_rows()}
    if rows["NVENC"].standing == "missing":
        assert "libx264 is used" in rows["NVENC"].remedy and "H200" in rows["NVENC"].remedy
