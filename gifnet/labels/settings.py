"""Settings of every training that learns from labelled folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from gifnet.labels.classes import DEFAULT_BACKGROUND, DEFAULT_CLASSES, DEFAULT_IGNORED
from gifnet.labels.layouts import Layout
from gifnet.train.shared_settings import Decay, RunSettings, ScaleMin, Start

LabelledCropPx = Annotated[int, Field(ge=64, multiple_of=32, description="side of a training crop")]


class LabelledSettings(RunSettings):
    """Folders, classes and crops; a kind of training adds its own settings, and other defaults."""

    start: Start = "default"
    test_data: Annotated[tuple[Path, ...], Field(description="folders that are only measured on")] = ()
    layout: Annotated[Layout, Field(description="of the folders")] = "auto"
    classes: Annotated[
        dict[str, tuple[str, ...]], Field(min_length=1, description="spellings of each class")
    ] = DEFAULT_CLASSES
    background: Annotated[tuple[str, ...], Field(description="classes that count as nothing")] = (
        DEFAULT_BACKGROUND
    )
    ignored: Annotated[tuple[str, ...], Field(description="neither right nor wrong to find")] = (
        DEFAULT_IGNORED
    )
    crop_px: LabelledCropPx = 256
    scale_min: ScaleMin = 0.6
    decay: Decay = "cosine"
