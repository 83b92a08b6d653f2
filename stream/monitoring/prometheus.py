"""The numbers of a run in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from stream.live.camera_stats import State
from stream.monitoring.report import versions
from stream.monitoring.status import RunStatus
from stream.runtime.stage_times import Histogram

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
BOUNDS_S = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.015,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
SIDES = ("visible", "thermal")


def exposition(panel: RunStatus) -> bytes:
    """All numbers of a run, and those of its process."""
    registry = CollectorRegistry()
    registry.register(RunCollector(panel))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class RunCollector(Collector):
    """Reads a panel; nothing is kept between two calls."""

    def __init__(self, panel: RunStatus) -> None:
        """Collect from a run.

        Args:
            panel: of the run.
        """
        self._panel = panel

    def collect(self) -> Iterator[Metric]:
        """All families of numbers."""
        yield from self._frames()
        yield from self._cameras()
        yield from self._pairing()
        yield from self._drift()
        yield from self._detection()
        yield from self._outputs()
        yield from self._times()

    def _frames(self) -> Iterator[Metric]:
        report = self._panel.report
        build = GaugeMetricFamily(
            "gifnet_build_info", "Versions and device.", labels=["version", "torch", "device"]
        )
        known = versions()
        build.add_metric(
            [known["gifnet-stream"], known["torch"], report.section("device").get("name", "")], 1
        )
        yield build
        frames_in = CounterMetricFamily("gifnet_frames_in", "Frames that came.", labels=["camera"])
        for side in SIDES:
            frames_in.add_metric([side], report.frames_in[side])
        yield frames_in
        yield CounterMetricFamily("gifnet_frames_fused", "Fused frames.", value=report.fused)
        dropped = CounterMetricFamily(
            "gifnet_frames_dropped", "Frames that were left out, by reason.", labels=["reason"]
        )
        for reason, count in report.dropped.items():
            dropped.add_metric([reason], count)
        yield dropped
        lost = CounterMetricFamily(
            "gifnet_frames_lost", "Frames that a source could not deliver.", labels=["camera", "reason"]
        )
        for side, reasons in report.lost.items():
            for reason, count in reasons.items():
                lost.add_metric([side, reason], count)
        yield lost

    def _cameras(self) -> Iterator[Metric]:
        live = self._panel.live
        cameras = live.cameras() if live else {}
        states = GaugeMetricFamily(
            "gifnet_camera_state", "1 for the state that a camera is in.", labels=["camera", "state"]
        )
        connects = CounterMetricFamily(
            "gifnet_camera_connects", "Connections that gave a frame.", labels=["camera"]
        )
        failures = CounterMetricFamily(
            "gifnet_camera_failures", "Connections that failed or ended.", labels=["camera"]
        )
        away = CounterMetricFamily(
            "gifnet_camera_away_seconds", "Seconds without a picture.", labels=["camera"]
        )
        for side, camera in cameras.items():
            for state in get_args(State):
                states.add_metric([side, state], camera["state"] == state)
            connects.add_metric([side], camera["connects"])
            failures.add_metric([side], sum(camera["failures"].values()))
            away.add_metric([side], camera["away_s"])
        yield from (states, connects, failures, away)

    def _pairing(self) -> Iterator[Metric]:
        live = self._panel.live
        moments = CounterMetricFamily(
            "gifnet_moments", "Moments that went on to fusion, by kind.", labels=["kind"]
        )
        for kind, count in (live.moments() if live else {}).items():
            moments.add_metric([kind], count)
        yield moments
        if live is None:
            return
        words = "1 while both cameras stream and no pair was made for 5 s."
        yield GaugeMetricFamily("gifnet_not_pairing", words, value=bool(live.not_pairing))
        clocks = live.clocks()
        yield GaugeMetricFamily(
            "gifnet_clock_offset_seconds",
            "Thermal clock minus visible clock.",
            value=clocks["offset_ms"] / 1000,
        )
        if clocks["drift_ppm"] is not None:
            yield GaugeMetricFamily(
                "gifnet_clock_drift_ppm", "Drift between the cameras' clocks.", value=clocks["drift_ppm"]
            )
        errors = [("", live.pairing_errors())]
        yield _histograms("gifnet_pairing_error_seconds", "Time between the frames of a pair.", None, errors)

    def _drift(self) -> Iterator[Metric]:
        state = self._panel.drift.state
        moved = GaugeMetricFamily("gifnet_cameras_moved", "1 while thermal lies off the visible picture.")
        moved.add_metric([], state.verdict == "moved")
        off = GaugeMetricFamily("gifnet_misregistration_px", "How far off it lies.", labels=["direction"])
        for direction, value_px in (("right", state.right_px), ("down", state.down_px)):
            if value_px is not None:
                off.add_metric([direction], value_px)
        yield from (moved, off)

    def _detection(self) -> Iterator[Metric]:
        told = self._panel.report.section("detection")
        if not told:
            return
        yield CounterMetricFamily("gifnet_detections", "Frames looked at.", value=told["detections"])
        yield CounterMetricFamily(
            "gifnet_detections_skipped", "Due frames passed over.", value=told["skipped"]
        )
        objects = CounterMetricFamily("gifnet_objects_found", "Objects found, by class.", labels=["name"])
        for name, count in told["found"].items():
            objects.add_metric([name], count)
        yield objects

    def _outputs(self) -> Iterator[Metric]:
        frames = CounterMetricFamily("gifnet_output_frames", "Frames written.", labels=["output", "view"])
        skipped = CounterMetricFamily(
            "gifnet_output_skipped", "Frames not written.", labels=["output", "view"]
        )
        for output in self._panel.report.outputs:
            frames.add_metric([output.uri, output.view], output.frames)
            skipped.add_metric([output.uri, output.view], output.skipped)
        yield from (frames, skipped)

    def _times(self) -> Iterator[Metric]:
        age_s = self._panel.recent.age_s()
        yield GaugeMetricFamily(
            "gifnet_newest_frame_age_seconds",
            "Age of the newest fused frame; NaN before the first.",
            value=float("nan") if age_s is None else age_s,
        )
        yield GaugeMetricFamily("gifnet_ready", "1 while frames flow.", value=not self._panel.not_ready())
        stages = list(self._panel.report.times.histograms().items())
        latency = [("", histogram) for stage, histogram in stages if stage == "latency"]
        if latency:
            words = "From the arrival of the later frame to when every output has the fused one."
            yield _histograms("gifnet_latency_seconds", words, None, latency)
        rest = [(stage, histogram) for stage, histogram in stages if stage != "latency"]
        yield _histograms("gifnet_stage_seconds", "Duration of each stage.", "stage", rest)


def _histograms(
    name: str, words: str, label: str | None, histograms: Iterable[tuple[str, Histogram]]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, words, labels=[label] if label else [])
    for value, histogram in histograms:
        counts = histogram.cumulative(BOUNDS_S)
        buckets = [(str(bound), count) for bound, count in zip(BOUNDS_S, counts, strict=True)]
        buckets.append(("+Inf", max(histogram.count, counts[-1])))
        family.add_metric([value] if label else [], buckets, sum_value=histogram.total_s)
    return family
