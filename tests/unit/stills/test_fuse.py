"""Still pictures: counts of tasks, order of folding, depth, transparency, EXIF, TIFF tags, pansharpening."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stream.errors import SinkError, SourceError
from stream.sources.pictures.geotiff import add_tags, check_readable, encode_bands, read_tags
from stream.sources.pictures.metadata import Metadata, read_alpha, read_metadata
from stream.sources.pictures.tiff import TagValue
from stream.stills.fuse import fuse_stack, to_pixels
from stream.stills.pansharpen import match_histogram, recombine, upsampled
from stream.stills.picture import Picture, load_picture, survey_pictures
from stream.stills.save import joint_alpha, save_picture
from stream.stills.tasks import TASKS

Pixels = NDArray[Any]
SCALE = TagValue(12, 3, struct.pack("<3d", 0.6, 0.6, 0.0))
KEYS = TagValue(3, 4, struct.pack("<4H", 1, 1, 0, 0))


def noise(seed: int, shape: tuple[int, ...], dtype: type = np.uint8, top: int = 256) -> Pixels:
    return np.random.default_rng(seed).integers(0, top, shape).astype(dtype)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def exif(orientation: int, order: str = "<") -> bytes:
    """One directory: make "ABC" and the orientation, and a link to a thumbnail that is not there."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 2)
    make = struct.pack(order + "HHI4s", 271, 2, 4, b"ABC\0")
    turn = struct.pack(order + "HHIHH", 274, 3, 1, orientation, 0)
    return head + make + turn + struct.pack(order + "I", 26)


def with_exif(path: Path, pixels: Pixels, block: bytes) -> Path:
    kinds, blocks = [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(block, np.uint8)[None]]
    _, content = cv2.imencodeWithMetadata(path.suffix, pixels, kinds, blocks)
    return write(path, np.asarray(content).tobytes())


@pytest.mark.parametrize(
    ("task", "count", "sentence"),
    [
        ("infrared-visible", 3, "infrared-visible takes two pictures (visible, then thermal), got 3"),
        ("multi-focus", 1, "multi-focus takes 2 or more pictures"),
        ("enhance", 2, "enhance takes one picture (the picture to enhance), got 2"),
    ],
)
def test_a_count_that_the_task_does_not_take_is_refused(task: Any, count: int, sentence: str) -> None:
    with pytest.raises(SourceError) as caught:
        TASKS[task].check_count(count)
    assert sentence in str(caught.value)


def test_stacks_are_folded_two_by_two() -> None:
    depth = []

    def network(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        depth.append(None)
        return torch.maximum(first, second)

    def load(index: int) -> Picture:
        return Picture(torch.full((6, 6), 10.0 * index), None)

    fused = fuse_stack(5, load, network)
    assert len(depth) == 4
    assert fused.luma.unique().tolist() == pytest.approx([40])


def test_16_bits_survive_a_network_that_gives_its_first_input_back(tmp_path: Path) -> None:
    stored = noise(1, (12, 10, 3), np.uint16, 4096)
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), stored)
    survey = survey_pictures([path])
    assert survey.top == 4095
    back = to_pixels(load_picture(path, top=survey.top), survey.top)
    assert back.dtype == np.uint16
    # The published rows of luma and chroma and their inverse agree to about a thousandth.
    assert np.abs(back[..., ::-1].astype(int) - stored).max() <= 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_alpha_is_turned_as_opencv_turns_colours(orientation: int, tmp_path: Path) -> None:
    pixels = noise(2, (8, 6, 4))
    pixels[..., 3] = pixels[..., 0]
    path = with_exif(tmp_path / "a.png", pixels, exif(orientation))
    alpha = read_alpha(path)
    colours = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert alpha is not None
    assert colours is not None
    assert np.array_equal(alpha, colours[..., 0])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_exif_is_kept_upright_and_without_thumbnail(suffix: str, order: str, tmp_path: Path) -> None:
    source = with_exif(tmp_path / f"a{suffix}", noise(3, (8, 6, 3)), exif(6, order))
    target = tmp_path / f"o{suffix}"
    save_picture(target, noise(4, (6, 8, 3)), metadata=read_metadata(source))
    kept = read_metadata(target).exif
    assert b"ABC\0" in kept
    assert kept[: len(exif(1))] == exif(1, order)[:-4] + bytes(4)


def test_joint_alpha_is_the_least_opaque_and_of_one_size(tmp_path: Path) -> None:
    paths = []
    for index, value in enumerate((200, 100)):
        pixels = np.full((8, 6, 4), value, np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{index}.png"), pixels)
        paths.append(tmp_path / f"{index}.png")
    alpha = joint_alpha(paths, (6, 8), 255)
    assert alpha is not None
    assert np.unique(alpha).tolist() == [100]
    with pytest.raises(SourceError, match="alpha channel of 6x8 pixels, and the fused picture has 12x16"):
        joint_alpha(paths, (12, 16), 255)
    with pytest.raises(SinkError, match="cannot be transparent"):
        save_picture(tmp_path / "o.jpg", noise(1, (8, 6, 3)), alpha)


@pytest.mark.parametrize("big", [False, True])
def test_tags_of_a_tiff_are_carried_over(big: bool, tmp_path: Path) -> None:
    plain = cv2.imencode(".tif", noise(5, (8, 6)))[1].tobytes()
    source = write(tmp_path / "a.tif", add_tags(plain, {33550: SCALE, 34735: KEYS}))
    if big:
        source = write(tmp_path / "m.tif", _big_endian())
    target = tmp_path / "o.tif"
    pixels = noise(6, (8, 6), np.uint16, 65536)
    save_picture(target, pixels, metadata=read_metadata(source))
    assert read_tags(target)[33550] == SCALE
    stored = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    assert np.array_equal(stored, pixels)


def _big_endian() -> bytes:
    """A grey TIFF of 8x6 pixels in the other byte order, with the pixel scale."""
    entries = [(256, 4, 1, 8), (257, 4, 1, 6), (258, 3, 1, 8 << 16), (259, 3, 1, 1 << 16)]
    entries += [
        (262, 3, 1, 1 << 16),
        (273, 4, 1, 8),
        (277, 3, 1, 1 << 16),
        (279, 4, 1, 48),
        (33550, 12, 3, 56),
    ]
    directory = struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHII", *each) for each in entries)
    head = b"MM\0*" + struct.pack(">I", 80)
    return head + bytes(48) + struct.pack(">3d", 0.6, 0.6, 0.0) + directory + bytes(4)


def test_bands_are_written_whole_and_refused_where_only_one_would_be_read(tmp_path: Path) -> None:
    bands = noise(7, (7, 5, 4), np.uint16, 2048)
    path = write(tmp_path / "b.tif", add_tags(encode_bands(bands), {33550: SCALE}))
    content = path.read_bytes()
    assert np.array_equal(np.frombuffer(content[8 : 8 + bands.nbytes], "<u2").reshape(bands.shape), bands)
    assert read_tags(path)[33550] == SCALE
    with pytest.raises(SourceError, match="holds 4 bands in one picture"):
        check_readable(path)


def test_pansharpening_keeps_the_histogram_of_the_band() -> None:
    band = noise(8, (64, 64), np.float32, 100)
    fused = cv2.GaussianBlur(noise(9, (64, 64), np.float32), (7, 7), 0)
    matched = match_histogram(fused, band)
    assert np.quantile(matched, [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(band, [0.1, 0.5, 0.9]), abs=1)
    assert (np.diff(matched.ravel()[np.argsort(fused.ravel())]) >= 0).all()
    assert np.ptp(recombine(np.full((9, 9), 7, np.float32), np.full((9, 9), 30, np.float32))) == 0
    assert np.mean(recombine(np.full((9, 9), 7, np.float32), np.full((9, 9), 30, np.float32))) == 30


def test_bands_are_upsampled_within_their_range() -> None:
    band = np.zeros((8, 8), np.uint16)
    band[:, 4:] = 2000
    finer = upsampled(band, (32, 32))
    assert finer.dtype == np.uint16
    assert (finer.min(), finer.max()) == (0, 2000)


def test_metadata_of_a_plain_picture_is_empty(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), noise(1, (8, 6)))
    assert read_metadata(tmp_path / "a.png") == Metadata()
