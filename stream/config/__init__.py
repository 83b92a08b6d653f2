"""Settings of a run: each default and range stands here once; command line and Python read them from here."""

from stream.config.base import Settings
from stream.config.detection import DetectionSettings
from stream.config.excerpt import ExcerptSettings
from stream.config.fusion import FusionSettings, Precision
from stream.config.gain import GainSettings, parse_region
from stream.config.inputs import Decoder, Deinterlace, InputSettings, ThermalInputSettings
from stream.config.live import LiveSettings
from stream.config.option_names import NAMES, field_at, leaf_paths, section_of
from stream.config.outputs import ControlSettings, MetricsSettings, OutputSettings, PreviewSettings
from stream.config.pairing import PairingSettings
from stream.config.registration import RegistrationSettings
from stream.config.run import Device, FuseSettings, RunSettings
from stream.config.validate import validate, validate_json
from stream.config.yaml_file import load_yaml

__all__ = [
    "NAMES",
    "ControlSettings",
    "Decoder",
    "Deinterlace",
    "DetectionSettings",
    "Device",
    "ExcerptSettings",
    "FuseSettings",
    "FusionSettings",
    "GainSettings",
    "InputSettings",
    "LiveSettings",
    "MetricsSettings",
    "OutputSettings",
    "PairingSettings",
    "Precision",
    "PreviewSettings",
    "RegistrationSettings",
    "RunSettings",
    "Settings",
    "ThermalInputSettings",
    "field_at",
    "leaf_paths",
    "load_yaml",
    "parse_region",
    "section_of",
    "validate",
    "validate_json",
]
