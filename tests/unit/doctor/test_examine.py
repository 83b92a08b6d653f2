"""Conclusions of the doctor from its findings."""

from __future__ import annotations

import pytest

from stream.doctor.examine import as_json, cpu_flags, cpu_row, healthy, memory_row, python_row, space_row
from stream.doctor.row import Row


@pytest.mark.parametrize(
    ("found", "standing"), [((3, 10), "problem"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "problem")]
)
def test_pythons(found, standing):
    assert python_row(found, "text").standing == standing


@pytest.mark.parametrize(
    "cpuinfo", ["processor : 0\nflags\t\t: fpu avx2 amx_bf16 x\n", "Features : asimd bf16\n"]
)
def test_bfloat16_in_hardware_is_seen(cpuinfo):
    row = cpu_row(cpu_flags(cpuinfo), cores=4)
    assert row.standing == "ok"
    assert "4 cores" in row.found and "bf16" in row.found


def test_bfloat16_that_the_environment_forbids_is_told():
    row = cpu_row(frozenset({"avx2", "avx512_bf16"}), 2, "ONEDNN_MAX_CPU_ISA=AVX2")
    assert row.standing == "missing" and "ONEDNN_MAX_CPU_ISA=AVX2" in row.found


def test_a_cpu_without_bfloat16_is_no_problem():
    row = cpu_row(cpu_flags("flags : avx2 avx512f\n"), cores=2)
    assert row.standing == "missing" and "float32" in row.remedy
    assert healthy([row])


@pytest.mark.parametrize(("kilobytes", "standing"), [(8_000_000, "ok"), (500_000, "missing")])
def test_memory(kilobytes, standing):
    row = memory_row(f"MemTotal: 16000000 kB\nMemAvailable: {kilobytes} kB\nHugePages_Total: 0\n")
    assert row.standing == standing


def test_memory_is_unknown_without_proc():
    assert memory_row("") == Row("memory", "ok", "unknown on this system")


@pytest.mark.parametrize(("free", "standing"), [(5_000_000_000, "ok"), (1_000_000, "missing")])
def test_space(free, standing):
    assert space_row("/tmp", free).standing == standing


def test_one_problem_is_enough():
    rows = [Row("a", "ok", ""), Row("b", "problem", "", "do this")]
    assert not healthy(rows)
    assert as_json(rows) == {
        "ok": False,
        "rows": [
            {"name": "a", "standing": "ok", "found": "", "remedy": ""},
            {"name": "b", "standing": "problem", "found": "", "remedy": "do this"},
        ],
    }
