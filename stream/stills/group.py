"""Pictures that belong together, from their files to the fused file, by the rules of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from stream.config import RegistrationSettings
from stream.errors import SinkError, SourceError
from stream.frame import Pixels, Side
from stream.registration.calibration import Calibration, load_calibration
from stream.registration.registrar import build_registrar
from stream.sources.pictures.decode import JPEG_SUFFIXES, read_stored
from stream.sources.pictures.geotiff import GEO_TAGS
from stream.sources.pictures.metadata import Metadata, read_metadata
from stream.stills.fuse import Network, fuse_stack, fuse_two, register, to_pixels
from stream.stills.pairs import OUTPUT_KINDS, PictureGroup
from stream.stills.pansharpen import sharpen_band, upsampled
from stream.stills.picture import (
    Picture,
    Size,
    check_one_size,
    load_picture,
    picture_of,
    read_counts,
    survey_pictures,
)
from stream.stills.save import joint_alpha, save_bands, save_picture
from stream.stills.tasks import Task


@dataclass(frozen=True, slots=True)
class GroupFuser:
    """Fuses groups of pictures and writes the results.

    Attributes:
        task: the rules.
        network: from `gifnet.load`.
        device: where the network runs.
        colours: whether the colour of the first and of the other pictures matters; None decides by the file.
        registration: the calibration of two cameras, without a file for pictures that lie on each other.
    """

    task: Task
    network: Network
    device: torch.device
    colours: tuple[bool | None, bool | None] = (None, None)
    registration: RegistrationSettings = field(default_factory=RegistrationSettings)

    def __call__(self, group: PictureGroup) -> None:
        """Fuse a group.

        Raises:
            SourceError: pictures that cannot be read or do not fit each other.
            CalibrationError: a calibration that is wrong or does not fit the pictures.
            SinkError: the output cannot be written, or cannot hold what the inputs have.
        """
        if self.task.name == "pansharpen":
            self._pansharpen(group)
        else:
            self._fuse(group)

    def _fuse(self, group: PictureGroup) -> None:
        paths = group.inputs
        survey = survey_pictures(paths, self._sides)
        calibration = self._calibration(paths, survey.sizes)
        if calibration is None:
            check_one_size(paths, survey.sizes, self._advice())
        top = 255 if OUTPUT_KINDS[group.output.suffix.lower()] == "jpg" else survey.top
        alpha = joint_alpha(paths, survey.sizes[0], top)
        fused = self._fused(paths, survey.sizes, survey.top, calibration)
        save_picture(group.output, to_pixels(fused, top), alpha, read_metadata(paths[0]))

    @property
    def _sides(self) -> tuple[Side | None, ...]:
        """The camera that each picture is of; none where a thermal picture is to keep its colours."""
        if not self.task.thermal:
            return ()
        return "visible", None if self.colours[1] else "thermal"

    def _calibration(self, paths: Sequence[Path], sizes: Sequence[Size]) -> Calibration | None:
        """The calibration of the file, else the alignment that the camera stored with its two pictures."""
        if self.registration.file is not None:
            return load_calibration(self.registration.file)
        if not self.task.thermal or paths[0].suffix.lower() not in JPEG_SUFFIXES:
            return None
        visible = read_stored(paths[0], "visible")
        found = visible.alignment if visible else None
        is_own = found is not None and (found.visible.size, found.thermal.size) == tuple(sizes)
        return found if is_own and paths[0] == paths[1] else None

    def _fused(
        self, paths: Sequence[Path], sizes: Sequence[Size], top: int, calibration: Calibration | None
    ) -> Picture:
        load = partial(self._load, paths, top)
        if self.task.name == "enhance":
            picture = load(0)
            return fuse_two(picture, picture, self.network)
        if calibration is None:
            return fuse_stack(len(paths), load, self.network)
        registrar = build_registrar(self.registration, calibration, sizes[0], sizes[1])
        thermal = register(load(1), registrar)
        return fuse_two(load(0), thermal.picture, self.network, thermal.coverage)

    def _load(self, paths: Sequence[Path], top: int, index: int) -> Picture:
        is_thermal = self.task.thermal and index == 1
        side = self._sides[index] if self._sides else None
        colour, white = self.colours[min(index, 1)], None if is_thermal else top
        return load_picture(paths[index], colour, self.device, white, side)

    def _advice(self) -> str:
        if self.task.two_cameras:
            return "give --calibration FILE, which `gifnet setup` makes"
        return "align them first"

    def _pansharpen(self, group: PictureGroup) -> None:
        pan_path, *band_paths = group.inputs
        pan_survey, survey = survey_pictures([pan_path]), survey_pictures(band_paths)
        check_one_size(band_paths, survey.sizes, "bands have one size")
        size = pan_survey.sizes[0]
        _check_ratio(pan_path, size, band_paths[0], survey.sizes[0])
        pan = load_picture(pan_path, False, self.device, pan_survey.top)
        planes = [read_counts(path) for path in band_paths]
        _check_bands(band_paths, planes, group.output)
        bands = [band for plane in planes for band in _split(upsampled(plane, size))]
        sharpened = [
            to_pixels(sharpen_band(pan, picture_of(band, survey.top, self.device), self.network), survey.top)
            for band in bands
        ]
        metadata = _georeference(pan_path, band_paths[0], is_one_grid=survey.sizes[0] == size)
        if len(sharpened) == 1:
            save_picture(group.output, sharpened[0], metadata=metadata)
        elif planes[0].ndim == 3:
            save_picture(group.output, _joined(sharpened), metadata=metadata)
        else:
            save_bands(group.output, sharpened, metadata)


def _check_ratio(pan_path: Path, pan: Size, band_path: Path, band: Size) -> None:
    ratio = pan[0] / band[0]
    if ratio < 1 or abs(pan[1] - ratio * band[1]) > ratio:
        raise SourceError(
            f"{pan_path} has {pan[0]}x{pan[1]} pixels and the band {band_path} {band[0]}x{band[1]}; the "
            "panchromatic picture comes first, covers the same ground, and has as many pixels or more"
        )


def _check_bands(paths: Sequence[Path], planes: Sequence[Pixels], output: Path) -> None:
    coloured = next((path for path, plane in zip(paths, planes, strict=True) if plane.ndim == 3), None)
    if coloured is not None and len(paths) > 1:
        raise SourceError(
            f"{coloured} holds three bands; name either one picture of red, green and blue, or files of one "
            "band each"
        )
    deep = {plane.dtype for plane in planes}
    if len(deep) > 1:
        raise SourceError(f"the bands {paths[0]} to {paths[-1].name} mix 8 and 16 bits; bands have one depth")
    if len(paths) > 1 and OUTPUT_KINDS[output.suffix.lower()] != "tif":
        raise SinkError(f"{output} cannot hold {len(paths)} bands; name a .tif file")


def _split(pixels: Pixels) -> list[Pixels]:
    """Bands of a picture, of a coloured one in the order blue, green, red."""
    return [pixels] if pixels.ndim == 2 else [pixels[..., index] for index in range(3)]


def _joined(bands: list[Pixels]) -> Pixels:
    """[H, W, 3] RGB of blue, green and red."""
    return np.stack(bands[::-1], axis=-1)


def _georeference(pan: Path, band: Path, is_one_grid: bool) -> Metadata:
    """Metadata of the panchromatic picture; where it has no georeference, that of a band on the same grid."""
    own = read_metadata(pan)
    if is_one_grid and not set(own.tags) & set(GEO_TAGS):
        other = {tag: value for tag, value in read_metadata(band).tags.items() if tag in GEO_TAGS}
        return replace(own, tags=own.tags | other)
    return own
