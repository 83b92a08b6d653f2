"""Steadiness of a fused video: warped differences and brightness steps, also beside its sources' own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from gifnet.eval.single import Grey

Flow = NDArray[np.float32]
Mask = NDArray[np.bool_]
_CONSISTENT_PX = 1.0
_VIEWS = ("fused", "visible", "thermal")


@dataclass(slots=True)
class _Sums:
    """Per-frame values, by name of the view."""

    warped: dict[str, list[float]] = field(default_factory=lambda: {view: [] for view in _VIEWS})
    followed: dict[str, list[float]] = field(default_factory=lambda: {view: [] for view in _VIEWS})
    steps: dict[str, list[float]] = field(default_factory=lambda: {view: [] for view in _VIEWS})
    biswe: list[float] = field(default_factory=list)


def measure_video(frames: Iterable[tuple[Grey, Grey, Grey]]) -> dict[str, float]:
    """Measure a fused video in one pass.

    Args:
        frames: fused, visible and thermal, each [H, W] uint8, in order of time.

    Returns:
        `warped difference`: mean |F_t - F_t-1 warped to t| in grey levels, over pixels whose flow in the
        visible video is the same forth and back within 1 px (DIS flow; flowD of TemCoCo, with occlusions left
        out). `warped ratio`: that divided by the larger of the sources' own, 1 for a video as steady as they
        are. `followed difference` and `followed ratio`: likewise, with each pixel moved along the flow of the
        visible or of the thermal video, whichever leaves the smaller difference, over pixels consistent in
        both: what stands behind drifting smoke does not move with it. `BiSWE` (VF-Bench): differences to the
        frame before and the one after, both warped by the fused video's own flow, over pixels consistent in
        both sources; summed. `brightness step`: mean |mean(F_t) - mean(F_t-1)| in grey levels. `brightness
        ratio`: that divided by the larger of the sources'. NaN where frames are too few, or a source stands
        still.
    """
    sums = _Sums()
    window: list[dict[str, Grey]] = []
    for trio in frames:
        window = [*window[-2:], dict(zip(_VIEWS, trio, strict=True))]
        if len(window) > 1:
            _compare_last(window[-2], window[-1], sums)
        if len(window) == 3:
            sums.biswe.append(_bidirectional(*window))
    warped = {view: _mean(values) for view, values in sums.warped.items()}
    followed = {view: _mean(values) for view, values in sums.followed.items()}
    steps = {view: _mean(values) for view, values in sums.steps.items()}
    return {
        "warped difference": warped["fused"],
        "warped ratio": _ratio(warped),
        "followed difference": followed["fused"],
        "followed ratio": _ratio(followed),
        "BiSWE": _mean(sums.biswe),
        "brightness step": steps["fused"],
        "brightness ratio": _ratio(steps),
    }


def _compare_last(before: dict[str, Grey], now: dict[str, Grey], sums: _Sums) -> None:
    (along, steady), (other, other_steady) = (
        flow_with_mask(now[source], before[source]) for source in ("visible", "thermal")
    )
    for view in _VIEWS:
        change, other_change = (_change(now[view], before[view], flow) for flow in (along, other))
        sums.warped[view].append(_mean_of(change, steady))
        sums.followed[view].append(_mean_of(np.minimum(change, other_change), steady & other_steady))
        sums.steps[view].append(abs(float(now[view].mean()) - float(before[view].mean())))


def _bidirectional(before: dict[str, Grey], now: dict[str, Grey], after: dict[str, Grey]) -> float:
    total = 0.0
    for other in (before, after):
        masks = [flow_with_mask(now[view], other[view])[1] for view in ("visible", "thermal")]
        flow = _estimate(now["fused"], other["fused"])
        total += warped_difference(now["fused"], other["fused"], flow, masks[0] & masks[1])
    return total


def flow_with_mask(now: Grey, other: Grey) -> tuple[Flow, Mask]:
    """Flow from one picture to another, and where it comes back to its origin.

    Returns:
        [H, W, 2] float32 in pixels (x, y), and [H, W] bool: in the picture and consistent within 1 px.
    """
    there, back = _estimate(now, other), _estimate(other, now)
    places = _places(there)
    returned = cv2.remap(back, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    height, width = now.shape
    inside = np.all((places >= 0) & (places <= (width - 1, height - 1)), axis=2)
    return there, inside & (np.linalg.norm(there + returned, axis=2) < _CONSISTENT_PX)


def warped_difference(now: Grey, other: Grey, flow: Flow, mask: Mask) -> float:
    """Mean absolute difference in grey levels to the other picture warped by the flow; NaN of no pixel."""
    return _mean_of(_change(now, other, flow), mask)


def _change(now: Grey, other: Grey, flow: Flow) -> NDArray[np.float32]:
    """Absolute difference of each pixel to the other picture warped by the flow."""
    moved = cv2.remap(other.astype(np.float32), _places(flow), None, cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    return np.asarray(np.abs(now - moved), np.float32)


def _mean_of(values: NDArray[np.float32], mask: Mask) -> float:
    return float(values[mask].mean()) if mask.any() else float("nan")


def _estimate(now: Grey, other: Grey) -> Flow:
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(estimator.calc(now, other, None), np.float32)


def _places(flow: Flow) -> Flow:
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return np.stack([columns, rows], axis=2) + flow


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _ratio(values: dict[str, float]) -> float:
    larger = max(values["visible"], values["thermal"])
    return values["fused"] / larger if larger > 0 else float("nan")
