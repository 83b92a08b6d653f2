"""Settings of a run: each default and range stands here once; command line and Python read them from here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from stream.errors import ConfigError
from stream.frame import ColourMap, View
from stream.radiometry import Linear, Radiometry

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Decoder = Literal["auto", "cpu", "cuda"]


class Settings(BaseModel):
    """Base of all settings: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class InputSettings(Settings):
    """One camera, file or folder."""

    uri: Annotated[str, Field(min_length=1, description="path or URI of the stream")]
    name: Annotated[str | None, Field(description="name in reports")] = None
    bits: Annotated[int | None, Field(ge=8, le=16, description="significant bits of a grey count")] = None
    rate: Annotated[float | None, Field(gt=0, description="frames a second of an image folder")] = None
    decoder: Annotated[
        Decoder,
        Field(description="where video is decoded; auto: by NVDEC on a GPU that runs the network, if it can"),
    ] = "auto"
    transport: Annotated[
        Literal["tcp", "udp"], Field(description="how an RTSP camera sends its pictures")
    ] = "tcp"
    timeout_s: Annotated[
        float, Field(ge=0.2, le=60, description="silence after which a camera is connected anew")
    ] = 3.0

    @property
    def radiometry(self) -> Radiometry | None:
        """What a count means in degrees Celsius, as far as the user says so."""
        return None


class ThermalInputSettings(InputSettings):
    """The thermal camera, file or folder."""

    telemetry: Annotated[
        Literal["none", "lepton"],
        Field(description="rows below a live thermal picture that tell of its shutter; they are cut off"),
    ] = "none"
    cut_top: Annotated[
        int, Field(ge=0, le=1000, description="rows above the thermal picture that are no picture")
    ] = 0
    cut_bottom: Annotated[
        int, Field(ge=0, le=1000, description="rows below the thermal picture that are no picture")
    ] = 0
    celsius_per_count: Annotated[
        float | None, Field(description="degrees Celsius of one thermal count, if the camera counts linearly")
    ] = None
    celsius_at_zero: Annotated[
        float | None, Field(description="degrees Celsius of thermal count 0, with celsius-per-count")
    ] = None

    @model_validator(mode="after")
    def _gain_with_offset(self) -> Self:
        if (self.celsius_per_count is None) != (self.celsius_at_zero is None):
            raise ValueError("celsius_per_count and celsius_at_zero belong together; give both or neither")
        if self.celsius_per_count == 0:
            raise ValueError("celsius_per_count must not be 0")
        return self

    @property
    def radiometry(self) -> Radiometry | None:
        """What a count means in degrees Celsius, as far as the user says so."""
        if self.celsius_per_count is None or self.celsius_at_zero is None:
            return None
        return Linear(self.celsius_per_count, self.celsius_at_zero)


class PairingSettings(Settings):
    """How frames of the two streams find each other."""

    tolerance_ms: Annotated[float, Field(ge=0, description="largest time between partners")] = 20.0
    offset_ms: Annotated[
        float | Literal["auto"],
        Field(description="thermal clock minus visible clock; auto: follow the clocks of live cameras"),
    ] = 0.0
    unpaired: Annotated[
        Literal["drop", "hold", "single"],
        Field(
            description="drop: leave out; hold: every visible frame, with the last thermal one; "
            "single: pass the one camera through"
        ),
    ] = "drop"
    max_age_ms: Annotated[float, Field(ge=0, description="oldest thermal frame that is held")] = 200.0
    max_wait_ms: Annotated[
        float, Field(ge=0, le=5000, description="longest that a live frame waits for its partner")
    ] = 250.0
    shutter: Annotated[
        Literal["auto", "on", "off"],
        Field(description="recognise a closed thermal shutter by repeated frames; auto: of 9 to 16 bits"),
    ] = "auto"


class RegistrationSettings(Settings):
    """How the thermal picture comes onto the visible one."""

    file: Annotated[Path | None, Field(description="calibration file; none where the sizes agree")] = None
    distance_m: Annotated[float | None, Field(gt=0, description="distance of the scene in metres")] = None
    nudge_right_px: Annotated[
        float, Field(ge=-2000, le=2000, description="visible pixels that thermal is moved to the right")
    ] = 0.0
    nudge_down_px: Annotated[
        float, Field(ge=-2000, le=2000, description="visible pixels that thermal is moved down")
    ] = 0.0
    check_every: Annotated[
        int, Field(ge=0, description="frames between looks at whether the cameras moved; 0: never")
    ] = 25
    self_align: Annotated[
        bool, Field(description="follow cameras that move a little, by at most an 80th of the width")
    ] = False


class GainSettings(Settings):
    """How raw thermal counts become 8 bits."""

    method: Annotated[
        Literal["auto", "percentile", "minmax", "plateau", "clahe", "fixed", "none"],
        Field(description="how counts become grey; auto: none for 8-bit thermal, percentile above"),
    ] = "auto"
    low: Annotated[float, Field(ge=0, lt=100, description="percentile that becomes black")] = 1.0
    high: Annotated[float, Field(gt=0, le=100, description="percentile that becomes white")] = 99.5
    damping: Annotated[
        float, Field(ge=0, lt=1, description="share of the last span or curve that is kept")
    ] = 0.9
    plateau: Annotated[
        float,
        Field(gt=0, le=100, description="plateau, clahe: most pixels that one count may hold, in percent"),
    ] = 0.05
    contrast: Annotated[
        float, Field(ge=1, le=100, description="clahe: steepest curve, as a multiple of an even one")
    ] = 3.0
    span_low: Annotated[float | None, Field(description="fixed: what becomes black")] = None
    span_high: Annotated[float | None, Field(description="fixed: what becomes white")] = None
    span_unit: Annotated[
        Literal["counts", "celsius"],
        Field(description="fixed: unit of the span; celsius needs a camera whose radiometry is known"),
    ] = "counts"
    polarity: Annotated[Literal["white-hot", "black-hot"], Field(description="what hot looks like")] = (
        "white-hot"
    )
    region: Annotated[
        str | None,
        Field(description="part that is measured: LEFT,TOP,RIGHT,BOTTOM in shares of the picture"),
    ] = None
    detail: Annotated[
        float, Field(ge=0, le=10, description="gain of small details; 1 leaves them as they are")
    ] = 1.0
    bad_pixels: Annotated[
        Path | None,
        Field(description="file of bad pixels: lines of x and y, or a picture of them that is else black"),
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.span_low is not None and self.span_high is not None and self.span_low >= self.span_high:
            raise ValueError(f"span_low must be below span_high, got {self.span_low:g}, {self.span_high:g}")
        if self.method == "fixed" and (self.span_low is None or self.span_high is None):
            raise ValueError("the method fixed needs span_low and span_high")
        return self

    @field_validator("region")
    @classmethod
    def _is_region(cls, region: str | None) -> str | None:
        if region is not None:
            parse_region(region)
        return region


def parse_region(text: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of `LEFT,TOP,RIGHT,BOTTOM`, in shares of the picture.

    Raises:
        ValueError: it is no such region.
    """
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        left, top, right, bottom = 1.0, 1.0, 0.0, 0.0
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError(
            "a region is LEFT,TOP,RIGHT,BOTTOM in shares from 0 to 1, left below right and top below "
            f"bottom, as in 0,0.3,1,1 for all but the sky, got {text!r}"
        )
    return left, top, right, bottom


class FusionSettings(Settings):
    """Which network fuses, and how."""

    model: Annotated[
        Literal["full", "null"],
        Field(description="full: GIFNet; null: no network, the visible picture, to try everything else"),
    ] = "full"
    weights: Annotated[str, Field(min_length=1, description="default, published or a file")] = "default"
    precision: Annotated[Precision, Field(description="number format of the network")] = "auto"
    batch: Annotated[
        int, Field(ge=1, le=64, description="pairs fused at once; more costs latency and memory")
    ] = 1


class LiveSettings(Settings):
    """Bounds of what waits between live cameras and fusion; the freshest frames win."""

    queue_frames: Annotated[int, Field(ge=2, le=1000, description="frames of a camera that may wait")] = 32
    queue_mb: Annotated[float, Field(gt=0, description="megabytes of a camera's frames that may wait")] = 256
    queue_ms: Annotated[float, Field(gt=0, description="longest that a live frame may wait")] = 1000


class OutputSettings(Settings):
    """One file, folder or other sink."""

    uri: Annotated[str, Field(min_length=1, description="path or URI of the output; repeatable")]
    view: Annotated[View, Field(description="which picture is written")] = "fused"
    colour_map: Annotated[
        ColourMap, Field(description="colours of the view thermal-colour; the network never sees them")
    ] = "heat"
    encoder: Annotated[
        str | None,
        Field(description="video encoder; by default h264_nvenc on a GPU that has it, else libx264"),
    ] = None
    quality: Annotated[
        int | None, Field(ge=0, le=63, description="constant rate factor, lower is better")
    ] = None
    audio: Annotated[bool, Field(description="carry the visible file's audio over")] = True
    segment_s: Annotated[
        float | None, Field(ge=1, description="begin a new file after so many seconds of video")
    ] = None
    segment_mb: Annotated[
        float | None, Field(gt=0, description="begin a new file after so many megabytes")
    ] = None
    keep_free_mb: Annotated[
        float | None,
        Field(ge=0, description="pause writing while less is free on the disk; by default 200 when live"),
    ] = None
    sidecar: Annotated[
        bool, Field(description="write the pairing of every frame to a .jsonl file beside the video")
    ] = False


class FuseSettings(Settings):
    """Everything that fused frames depend on."""

    visible: InputSettings
    thermal: ThermalInputSettings
    pairing: PairingSettings = PairingSettings()
    registration: RegistrationSettings = RegistrationSettings()
    gain: GainSettings = GainSettings()
    fusion: FusionSettings = FusionSettings()
    live: LiveSettings = LiveSettings()
    device: Annotated[Device, Field(description="where the network runs")] = "auto"
    duration_s: Annotated[float | None, Field(gt=0, description="end after so many seconds of wall time")] = (
        None
    )


class PreviewSettings(Settings):
    """A page in the browser that shows the run and changes it."""

    bind: Annotated[
        str | None, Field(description="HOST:PORT where a page shows the run, for example 127.0.0.1:8080")
    ] = None
    token: Annotated[
        SecretStr | None,
        Field(min_length=16, description="secret that the page asks for; made up where others reach it"),
    ] = None
    clips: Annotated[Path, Field(description="folder of the clips that are recorded from the page")] = Path(
        "clips"
    )


class MetricsSettings(Settings):
    """Numbers for Prometheus, and whether the run is alive and well."""

    bind: Annotated[
        str | None,
        Field(description="HOST:PORT of /metrics, /healthz and /readyz alone; the page has them too"),
    ] = None


class ControlSettings(Settings):
    """A ZeroMQ socket that tells of the run and changes it."""

    bind: Annotated[
        str | None, Field(description="where programs change settings, for example tcp://127.0.0.1:5557")
    ] = None
    keys: Annotated[Path | None, Field(description="folder of keys, made by gifnet keys")] = None


class RunSettings(FuseSettings):
    """Everything `gifnet run` needs."""

    preview: PreviewSettings = PreviewSettings()
    metrics: MetricsSettings = MetricsSettings()
    control: ControlSettings = ControlSettings()
    logs: Annotated[
        Literal["text", "json"], Field(description="how messages on standard error are written")
    ] = "text"
    outputs: Annotated[tuple[OutputSettings, ...], Field(validate_default=True)] = ()
    report: Annotated[Path | None, Field(description="JSON file that tells what the run did")] = None

    @field_validator("outputs")
    @classmethod
    def _somewhere(cls, outputs: tuple[OutputSettings, ...], info: ValidationInfo) -> Any:
        preview = info.data.get("preview")
        if not outputs and not (preview and preview.bind):
            raise ValueError("there is none, name an output with -o, or a page with --preview")
        return outputs


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
    "duration_s": "duration_s",
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
    "visible_name": "visible.name",
    "visible_bits": "visible.bits",
    "visible_rate": "visible.rate",
    "visible_decoder": "visible.decoder",
    "visible_transport": "visible.transport",
    "visible_timeout_s": "visible.timeout_s",
    "thermal_name": "thermal.name",
    "thermal_bits": "thermal.bits",
    "thermal_rate": "thermal.rate",
    "thermal_decoder": "thermal.decoder",
    "thermal_transport": "thermal.transport",
    "thermal_timeout_s": "thermal.timeout_s",
    "thermal_telemetry": "thermal.telemetry",
    "thermal_cut_top": "thermal.cut_top",
    "thermal_cut_bottom": "thermal.cut_bottom",
    "thermal_celsius_per_count": "thermal.celsius_per_count",
    "thermal_celsius_at_zero": "thermal.celsius_at_zero",
    "report": "report",
    "preview": "preview.bind",
    "preview_token": "preview.token",
    "preview_clips": "preview.clips",
    "metrics": "metrics.bind",
    "control": "control.bind",
    "control_keys": "control.keys",
    "logs": "logs",
}

# What to do about a setting that has no default.
_REMEDIES = {
    "visible": "name the visible input first, as in `gifnet run VISIBLE THERMAL -o OUT`",
    "thermal": "name the thermal input after the visible one, as in `gifnet run VISIBLE THERMAL -o OUT`",
}

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=Settings)


def validate(model: type[Model], values: dict[str, Any], where: str) -> Model:
    """Check a nested mapping against a settings model.

    Args:
        model: for example `RunSettings`.
        values: the settings as nested dictionaries.
        where: what to call their origin in messages.

    Raises:
        ConfigError: lists every problem with its path.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(_sentences(model, error))}") from None


def validate_json(model: type[Model], values: dict[str, Any], where: str) -> Model:
    """As `validate`, for values from a JSON document: a number is no text and a text no number.

    Raises:
        ConfigError: lists every problem with its path.
    """
    try:
        return model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(_sentences(model, error))}") from None


def load_yaml(path: Path, what: str = "configuration") -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Args:
        path: of the file.
        what: what to call it in messages.

    Raises:
        ConfigError: when the file cannot be read or is no mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the {what} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the {what} {path} is not a text file in UTF-8") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place else ""
        raise ConfigError(
            f"the {what} {path} is not YAML{line}: {getattr(error, 'problem', error)}"
        ) from None
    if not isinstance(values, dict):
        raise ConfigError(f"the {what} {path} must be a mapping of settings, got {type(values).__name__}")
    return values


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


def _sentences(model: type[Settings], error: ValidationError) -> Iterator[str]:
    """One phrase for each problem; unknown keys of one section share a phrase."""
    unknown: dict[Place, list[str]] = {}
    for problem in error.errors():
        if problem["loc"] and str(problem["loc"][-1]).startswith("literal["):
            continue  # the words beside a number; the complaint about the number names them
        if problem["type"] == "extra_forbidden":
            unknown.setdefault(problem["loc"][:-1], []).append(_path(problem["loc"]))
        else:
            yield _sentence(problem)
    for place, paths in unknown.items():
        verb = "is not a known key" if len(paths) == 1 else "are not known keys"
        yield f"{', '.join(paths)} {verb}, allowed are {', '.join(_keys(model, place))}"


def _sentence(problem: Any) -> str:
    place, words = problem["loc"], ""
    if place and place[-1] == "float":
        place, words = place[:-1], f", or {_words_beside_number(_path(place[:-1]))}"
    path = _path(place)
    if problem["type"] == "missing":
        remedy = _REMEDIES.get(path)
        return f"{path} is missing" + (f", {remedy}" if remedy else "")
    if problem["type"] == "value_error":
        return f"{path or 'the settings'}: {problem['ctx']['error']}"
    text = problem["msg"].replace("Input", "it").replace("List", "it").replace("Tuple", "it")
    return f"{path or 'the settings'}: {text}{words}, got {problem['input']!r}"


def _words_beside_number(path: str) -> str:
    parts = get_args(field_at(path).annotation)
    return " or ".join(repr(word) for part in parts for word in get_args(part))


def _path(place: Place) -> str:
    return ".".join(str(key) for key in place)


def _keys(model: type[Settings], place: Place) -> list[str]:
    for key in place:
        if isinstance(key, str):
            model = section_of(model.model_fields[key]) or model
    return list(model.model_fields)
