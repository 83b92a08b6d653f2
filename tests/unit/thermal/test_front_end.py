"""The thermal front end: what it does to counts before they are registered, and in whose memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cuda_kernels import cpu as host
from stream.config import GainSettings
from stream.thermal.agc import Agc
from stream.thermal.front_end import ThermalFrontEnd

SIZE = (50, 40)
METHODS = ("percentile", "minmax", "plateau", "clahe", "none")


def front_end(dtype: torch.dtype = torch.uint16, **keys: object) -> tuple[Agc, ThermalFrontEnd]:
    gain = Agc(GainSettings.model_validate(keys), 14, host)
    return gain, ThermalFrontEnd(gain, SIZE, dtype, host)


def counts(seed: int = 0, low: int = 3000, high: int = 4000) -> Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(low, high, SIZE[::-1]).astype(np.uint16))


def run(parts: tuple[Agc, ThermalFrontEnd], raw: Tensor) -> tuple[Tensor, Tensor]:
    gain, front = parts
    return front(raw, torch.tensor([gain.next_ema_weight()]))


def brightness(parts: tuple[Agc, ThermalFrontEnd], raw: Tensor) -> Tensor:
    return host.normalise(*run(parts, raw))


def test_plain_counts_go_through_as_they_are() -> None:
    raw = counts()
    assert run(front_end(method="percentile"), raw)[0] is raw


def test_bad_pixels_count_nowhere(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("7 3\n", encoding="utf-8")
    raw = counts()
    raw[3, 7] = 16000
    replaced, limits = run(front_end(method="minmax", bad_pixels=tmp_path / "bad.txt"), raw)
    assert limits[1] < 4000
    assert 3000 <= int(replaced[3, 7]) < 4000
    assert int(raw[3, 7]) == 16000


@pytest.mark.parametrize("method", ["percentile", "plateau"])
def test_only_the_region_is_measured(method: str) -> None:
    raw = counts()
    raw[:12] = counts(1, 9000, 12000)[:12]
    parts, alone = front_end(method=method, region="0,0.3,1,1"), front_end(method=method)
    below = brightness(parts, raw)[12:]
    without_sky = counts()
    without_sky[:12] = without_sky[12:24]
    assert float((below - brightness(alone, without_sky)[12:]).abs().max()) < 0.05
    assert float(below.std()) > 0.2


@pytest.mark.parametrize("method", METHODS)
def test_details_are_raised_whatever_the_method(method: str) -> None:
    smooth = 3000 + 900 * np.sin(np.arange(50) / 16)[None] * np.ones((40, 1))
    fine = 12 * (np.indices((40, 50)).sum(axis=0) % 2)
    raw = torch.from_numpy((smooth + fine).astype(np.uint16))
    plain, raised = (brightness(front_end(method=method, detail=gain), raw) for gain in (1, 4))

    def roughness(picture: Tensor) -> float:
        return float(picture[:, 10:40].diff(dim=0).abs().mean())

    # Tiles of clahe are measured with their details, and so take a part of the gain back.
    assert roughness(raised) > (1.2 if method == "clahe" else 1.5) * roughness(plain) > 0


@pytest.mark.parametrize("method", METHODS)
def test_black_hot_is_the_negative(method: str) -> None:
    white, black = (
        brightness(front_end(method=method, polarity=f"{hot}-hot"), counts()) for hot in ("white", "black")
    )
    torch.testing.assert_close(black, 1 - white)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
@pytest.mark.parametrize("method", METHODS)
def test_memory_stays_in_place(method: str, dtype: torch.dtype, tmp_path: Path) -> None:
    """Buffers that a captured graph knows by address are the same in every frame."""
    (tmp_path / "bad.txt").write_text("0 0\n", encoding="utf-8")
    keys = {"region": "0.1,0.1,0.9,1", "detail": 2, "bad_pixels": tmp_path / "bad.txt"}
    parts = front_end(dtype, method=method, **keys)
    places = {
        tuple(part.data_ptr() for part in run(parts, counts(seed, 0, 255).to(dtype))) for seed in range(3)
    }
    assert len(places) == 1


def test_a_span_survives_another_size() -> None:
    gain, front = front_end(method="minmax", damping=0.5)
    run((gain, front), counts(0, 1000, 1001))
    smaller = ThermalFrontEnd(gain, (10, 10), torch.uint16, host)
    raw = torch.full((10, 10), 2000, dtype=torch.int32).to(torch.uint16)
    assert run((gain, smaller), raw)[1].tolist() == [1500, 1500]
