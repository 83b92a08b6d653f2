"""The settings by name and by place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from stream.config.base import Settings
from stream.config.run import RunSettings

# Name of each setting on the command line (with dashes) and in Python -> its place in a configuration file;
# `*` stands for every output.
NAMES: dict[str, str] = {
    "output": "outputs.*.uri",
    "view": "outputs.*.view",
    "colour_map": "outputs.*.colour_map",
    "encoder": "outputs.*.encoder",
    "quality": "outputs.*.quality",
    "audio": "outputs.*.audio",
    "segment_s": "outputs.*.segment_s",
    "segment_mb": "outputs.*.segment_mb",
    "keep_free_mb": "outputs.*.keep_free_mb",
    "sidecar": "outputs.*.sidecar",
    "model": "fusion.model",
    "weights": "fusion.weights",
    "precision": "fusion.precision",
    "batch": "fusion.batch",
    "steady": "fusion.steady",
    "level": "fusion.level",
    "device": "device",
    "tolerance_ms": "pairing.tolerance_ms",
    "offset_ms": "pairing.offset_ms",
    "unpaired": "pairing.unpaired",
    "max_age_ms": "pairing.max_age_ms",
    "max_wait_ms": "pairing.max_wait_ms",
    "shutter": "pairing.shutter",
    "queue_frames": "live.queue_frames",
    "queue_mb": "live.queue_mb",
    "queue_ms": "live.queue_ms",
    "damaged": "live.damaged",
    "wait": "live.wait",
    "duration_s": "duration_s",
    "start": "excerpt.start_s",
    "frames": "excerpt.frames",
    "every": "excerpt.every",
    "scale": "excerpt.scale",
    "allow_loss": "allow_loss",
    "calibration": "registration.file",
    "distance_m": "registration.distance_m",
    "nudge_right_px": "registration.nudge_right_px",
    "nudge_down_px": "registration.nudge_down_px",
    "check_every": "registration.check_every",
    "self_align": "registration.self_align",
    "gain": "gain.method",
    "gain_low": "gain.low",
    "gain_high": "gain.high",
    "gain_damping": "gain.damping",
    "gain_plateau": "gain.plateau",
    "gain_contrast": "gain.contrast",
    "gain_span_low": "gain.span_low",
    "gain_span_high": "gain.span_high",
    "gain_span_unit": "gain.span_unit",
    "gain_region": "gain.region",
    "gain_detail": "gain.detail",
    "polarity": "gain.polarity",
    "bad_pixels": "gain.bad_pixels",
    "pair": "pair",
    "visible_name": "visible.name",
    "visible_bits": "visible.bits",
    "visible_rate": "visible.rate",
    "visible_track": "visible.track",
    "visible_crop": "visible.crop",
    "visible_deinterlace": "visible.deinterlace",
    "visible_user": "visible.user",
    "visible_password": "visible.password",
    "visible_decoder": "visible.decoder",
    "visible_transport": "visible.transport",
    "visible_timeout_s": "visible.timeout_s",
    "thermal_name": "thermal.name",
    "thermal_bits": "thermal.bits",
    "thermal_rate": "thermal.rate",
    "thermal_track": "thermal.track",
    "thermal_crop": "thermal.crop",
    "thermal_deinterlace": "thermal.deinterlace",
    "thermal_user": "thermal.user",
    "thermal_password": "thermal.password",
    "thermal_decoder": "thermal.decoder",
    "thermal_transport": "thermal.transport",
    "thermal_timeout_s": "thermal.timeout_s",
    "thermal_telemetry": "thermal.telemetry",
    "thermal_cut_top": "thermal.cut_top",
    "thermal_cut_bottom": "thermal.cut_bottom",
    "thermal_camera": "thermal.camera",
    "thermal_layout": "thermal.layout",
    "thermal_palette": "thermal.palette",
    "thermal_celsius_per_count": "thermal.celsius_per_count",
    "thermal_celsius_at_zero": "thermal.celsius_at_zero",
    "detect": "detection.enabled",
    "detector": "detection.detector",
    "detect_rate": "detection.rate",
    "detect_score": "detection.least_score",
    "detect_side_px": "detection.side_px",
    "detect_draw": "detection.draw",
    "report": "report",
    "preview": "preview.bind",
    "preview_token": "preview.token",
    "preview_hosts": "preview.hosts",
    "preview_prefix": "preview.prefix",
    "preview_clips": "preview.clips",
    "metrics": "metrics.bind",
    "control": "control.bind",
    "control_keys": "control.keys",
    "takeover": "takeover",
    "logs": "logs",
}


def field_at(path: str) -> FieldInfo:
    """The field of `RunSettings` at a place such as `pairing.tolerance_ms` or `outputs.*.view`."""
    model: type[Settings] | None = RunSettings
    for key in path.replace(".*", "").split("."):
        assert model is not None, path
        field = model.model_fields[key]
        model = section_of(field)
    return field


def leaf_paths(model: type[Settings] = RunSettings, prefix: str = "") -> Iterator[str]:
    """Places of all single settings, lists written as `*`."""
    for key, field in model.model_fields.items():
        section = section_of(field)
        star = ".*" if field.annotation is not None and tuple in _flat(field.annotation) else ""
        if section is None:
            yield prefix + key
        else:
            yield from leaf_paths(section, f"{prefix}{key}{star}.")


def section_of(field: FieldInfo) -> type[Settings] | None:
    """The settings model inside a field, None for a single value."""
    parts = _flat(field.annotation)
    return next((part for part in parts if isinstance(part, type) and issubclass(part, Settings)), None)


def _flat(annotation: Any) -> list[Any]:
    """An annotation and what it is made of: `tuple[int, ...]` gives tuple, int and the ellipsis."""
    origin = getattr(annotation, "__origin__", annotation)
    return [origin, *(part for inner in get_args(annotation) for part in _flat(inner))]
