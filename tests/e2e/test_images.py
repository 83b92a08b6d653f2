"""`gifnet images` on real files: the published results, colour, pairing of folders, bad input."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream.registration.calibration import PlaneHomography, one_grid, save_calibration
from stream.sources.pictures.geotiff import add_tags, read_tags
from stream.sources.pictures.tiff import TagValue
from tests.e2e.conftest import Done, Gifnet

Pixels = NDArray[Any]
SIZE = (24, 20)
# The command's VISIBLE and THERMAL: the second and the first input of the published network.
TASKS = {
    "Medical": ("mri.png", "pet.png"),
    "MFIF": ("b.jpg", "a.jpg"),
    "NIR-VIS": ("visible.jpg", "nir.jpg"),
}


@pytest.fixture
def images(gifnet: Gifnet, weights: Path) -> Gifnet:
    """`gifnet images` on the CPU with untrained weights."""

    def call(*words: object) -> Done:
        return gifnet("images", *words, "--weights", weights, "--device", "cpu", "--precision", "float32")

    return call


def colour(seed: int = 0, size: tuple[int, int] = SIZE) -> Pixels:
    """[H, W, 3] BGR, smooth so that a JPEG keeps it."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC))


def grey(seed: int = 0, size: tuple[int, int] = SIZE) -> Pixels:
    return np.ascontiguousarray(colour(seed, size)[..., 1])


def save(path: Path, pixels: Pixels) -> Path:
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def read(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, path
    return np.asarray(pixels)


def difference(one: Pixels, other: Pixels) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def sentence(done: Done) -> str:
    """The error, which is one line."""
    assert done.status == 1
    lines = done.err.splitlines()
    assert len(lines) == 1, done.err
    assert lines[0].startswith("gifnet: ")
    return lines[0]


@pytest.mark.refdata
@pytest.mark.parametrize("task", TASKS)
def test_equals_the_published_result(task: str, refdata: Path, gifnet: Gifnet, tmp_path: Path) -> None:
    folder, out = refdata / "data" / "tasks" / task, tmp_path / "fused.png"
    visible, thermal = (folder / name for name in TASKS[task])
    published = refdata / "upstream" / "GIFNet_Final.model"
    options = ("--weights", published, "--device", "cpu", "--precision", "float32")
    assert gifnet("images", visible, thermal, "-o", out, *options).status == 0
    expected, fused = read(folder / "expected.png").astype(int), read(out).astype(int)
    within = (np.abs(expected - fused).max(axis=-1) <= 1).mean()
    assert within >= 0.999


def test_two_files_to_a_file(images: Gifnet, tmp_path: Path) -> None:
    out = tmp_path / "fused.png"
    done = images(save(tmp_path / "a.png", colour(1)), save(tmp_path / "b.png", grey(2)), "-o", out)
    assert done.status == 0
    assert done.err == f"fused 1 pair to {out}\n"
    assert read(out).shape == (20, 24, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "fused.png"]


@pytest.mark.parametrize(
    ("visible", "thermal", "channels"),
    [
        (colour(1), colour(2), 3),
        (colour(1), grey(2), 3),
        (grey(1), colour(2), 3),
        (grey(1), grey(2), 1),
        (grey(1), cv2.merge([grey(2)] * 3), 1),
    ],
    ids=["both", "visible", "thermal", "none", "grey-in-three-channels"],
)
def test_colour_goes_by_the_files(
    visible: Pixels, thermal: Pixels, channels: int, images: Gifnet, tmp_path: Path
) -> None:
    out = tmp_path / "fused.png"
    images(save(tmp_path / "a.png", visible), save(tmp_path / "b.png", thermal), "-o", out)
    fused = read(out)
    assert (1 if fused.ndim == 2 else 3) == channels


def test_colour_comes_from_the_input_that_has_it(images: Gifnet, tmp_path: Path) -> None:
    """The hue of a saturated input survives, whichever side it is on."""
    red = np.zeros((20, 24, 3), np.uint8)
    red[..., 2] = np.linspace(150, 250, 24, dtype=np.uint8)
    one, other = save(tmp_path / "red.png", red), save(tmp_path / "grey.png", grey(4))
    for index, pair in enumerate(((one, other), (other, one))):
        images(*pair, "-o", tmp_path / f"{index}.png")
        blue, green, redness = read(tmp_path / f"{index}.png").reshape(-1, 3).mean(axis=0)
        assert redness > max(blue, green) + 80


def test_no_visible_colour_equals_a_grey_file(images: Gifnet, tmp_path: Path) -> None:
    """Also for a JPEG, whose grey picture is the one that OpenCV reads as grey."""
    jpeg, thermal = save(tmp_path / "a.jpg", colour(1)), save(tmp_path / "t.png", grey(2))
    as_grey = save(tmp_path / "g.png", np.asarray(cv2.imread(str(jpeg), cv2.IMREAD_GRAYSCALE)))
    images(jpeg, thermal, "-o", tmp_path / "1.png", "--no-visible-colour")
    images(as_grey, thermal, "-o", tmp_path / "2.png")
    assert difference(read(tmp_path / "1.png"), read(tmp_path / "2.png")) == 0


def test_colour_of_a_grey_file_may_be_asked_for(images: Gifnet, tmp_path: Path) -> None:
    pair = save(tmp_path / "a.png", grey(1)), save(tmp_path / "b.png", grey(2))
    images(*pair, "-o", tmp_path / "1.png", "--thermal-colour")
    fused = read(tmp_path / "1.png")
    assert fused.ndim == 3
    assert difference(fused[..., 0], fused[..., 2]) <= 1


def test_16_bit_thermal_is_spread_over_its_percentiles(images: Gifnet, tmp_path: Path) -> None:
    visible, counts = save(tmp_path / "v.png", grey(1)), 7000 + 4 * grey(2).astype(np.uint16)
    low, high = np.percentile(counts, [1, 99.5], method="inverted_cdf")
    spread = np.round(((counts - low) / (high - low)).clip(0, 1) * 255).astype(np.uint8)
    images(visible, save(tmp_path / "16.tiff", counts), "-o", tmp_path / "1.png")
    images(visible, save(tmp_path / "8.png", spread), "-o", tmp_path / "2.png")
    assert difference(read(tmp_path / "1.png"), read(tmp_path / "2.png")) <= 1


def folders(tmp_path: Path, visible: list[str], thermal: list[str]) -> tuple[Path, Path]:
    for name in visible:
        save(tmp_path / "visible" / name, colour(1))
    for name in thermal:
        save(tmp_path / "thermal" / name, grey(2))
    return tmp_path / "visible", tmp_path / "thermal"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folders_are_paired_by_name(images: Gifnet, tmp_path: Path) -> None:
    pair = folders(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], ["b.png", "c.tif", "d.png"])
    done = images(*pair, "-o", tmp_path / "out")
    assert done.status == 0
    assert names(tmp_path / "out") == ["b.png", "c.png"]
    assert "fused 2 pairs to " in done.err
    assert "2 (a.jpg, d.png)" in done.err


def test_folders_without_common_names_are_paired_in_order(images: Gifnet, tmp_path: Path) -> None:
    pair = folders(tmp_path, ["v2.png", "v10.png"], ["t1.png", "t2.png"])
    assert images(*pair, "-o", tmp_path / "out", "--quiet").err == ""
    assert names(tmp_path / "out") == ["v10.png", "v2.png"]


def test_folders_that_cannot_be_paired_are_refused(images: Gifnet, tmp_path: Path) -> None:
    pair = folders(tmp_path, ["v1.png", "v2.png"], ["t1.png"])
    assert "the numbers differ" in sentence(images(*pair, "-o", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_two_names_that_differ_in_their_suffix_only_are_refused(images: Gifnet, tmp_path: Path) -> None:
    pair = folders(tmp_path, ["1.png", "1.jpg"], ["1.png"])
    assert "differ in their suffix only" in sentence(images(*pair, "-o", tmp_path / "out"))


def test_a_bad_picture_in_a_folder_leaves_the_others(images: Gifnet, tmp_path: Path) -> None:
    pair = folders(tmp_path, ["1.png", "2.png", "3.png"], ["1.png", "2.png", "3.png"])
    (tmp_path / "visible" / "2.png").write_bytes(b"no picture")
    done = images(*pair, "-o", tmp_path / "out")
    assert done.status == 1
    assert names(tmp_path / "out") == ["1.png", "3.png"]
    first, last = done.err.splitlines()
    assert first == f"fused 2 pairs to {tmp_path / 'out'}"
    assert last.startswith("gifnet: 1 of 3 pairs could not be fused; the first: ")
    assert "2.png is not a whole picture" in last


@pytest.mark.parametrize("make", [True, False], ids=["exists", "slash"])
def test_two_files_to_a_folder(make: bool, images: Gifnet, tmp_path: Path) -> None:
    pair = save(tmp_path / "a.jpg", colour(1)), save(tmp_path / "b.png", grey(2))
    out = tmp_path / "out"
    if make:
        out.mkdir()
    assert images(*pair, "-o", out if make else f"{out}/").status == 0
    assert names(out) == ["a.png"]


Arrange = Callable[[Path], tuple[Any, Any, Any]]


def two(folder: Path) -> tuple[Path, Path]:
    return save(folder / "v.png", colour(1)), save(folder / "t.png", grey(2))


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


BAD: dict[str, tuple[Arrange, str]] = {
    "missing": (lambda at: (at / "none.png", two(at)[1], at / "o.png"), "none.png does not exist"),
    "empty": (
        lambda at: (save(at / "e.png", grey()), _empty(at / "t.png"), at / "o.png"),
        "t.png is not a whole",
    ),
    "text": (
        lambda at: (_text(at / "v.png"), two(at / "x")[1], at / "o.png"),
        "v.png is not a whole picture",
    ),
    "cut": (lambda at: (cut(save(at / "v.jpg", colour())), two(at)[1], at / "o.png"), "v.jpg is not a whole"),
    "one pixel": (
        lambda at: (
            save(at / "v.png", grey(size=(1, 1))),
            save(at / "t.png", grey(size=(1, 1))),
            at / "o.png",
        ),
        "1x1 pixels; the network needs at least 5x5",
    ),
    "sizes": (
        lambda at: (two(at)[0], save(at / "t.png", grey(size=(30, 20))), at / "o.png"),
        "24x20 pixels and",
    ),
    "floats": (
        lambda at: (save(at / "v.tiff", grey().astype(np.float32)), two(at)[1], at / "o.png"),
        "pixels of float32; pictures of 8 or 16 bits are read",
    ),
    "file and folder": (lambda at: (two(at)[0], at, at / "o.png"), "two pictures or two folders"),
    "no pictures": (lambda at: (_folder(at / "v"), _folder(at / "t"), at / "out"), "holds no pictures"),
    "output folder": (lambda at: (*two(at), at / "none" / "o.png"), "does not exist; make it first"),
    "output suffix": (lambda at: (*two(at), at / "o.mp4"), "must end in one of .png, .jpg"),
    "output is input": (lambda at: (*two(at), at / "v.png"), "is also an input"),
    "output is a file": (lambda at: (*folders(at, ["1.png"], ["1.png"]), _text(at / "o")), "name a folder"),
}


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _text(path: Path) -> Path:
    path.write_text("not a picture")
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(case: str, images: Gifnet, tmp_path: Path) -> None:
    arrange, part = BAD[case]
    visible, thermal, out = arrange(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert part in sentence(images(visible, thermal, "-o", out))
    assert sorted(tmp_path.rglob("*")) == before


def test_missing_weights_are_one_sentence(gifnet: Gifnet, tmp_path: Path) -> None:
    done = gifnet(
        "images", *two(tmp_path), "-o", tmp_path / "o.png", "--weights", tmp_path / "none.safetensors"
    )
    assert "none.safetensors" in sentence(done)
    assert not (tmp_path / "o.png").exists()


def run_task(images: Gifnet, task: str, *words: object) -> Done:
    return images("--task", task, *words)


def test_an_unknown_task_is_refused(images: Gifnet, tmp_path: Path) -> None:
    done = run_task(images, "x-ray", *two(tmp_path), "-o", tmp_path / "o.png")
    assert done.status != 0
    assert "pansharpen" in done.err


def test_a_count_that_the_task_does_not_take_is_refused(images: Gifnet, tmp_path: Path) -> None:
    done = run_task(images, "enhance", *two(tmp_path), "-o", tmp_path / "o.png")
    assert "enhance takes one picture" in sentence(done)


def test_a_folder_alone_is_a_stack(images: Gifnet, tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / "stack" / f"{index}.png", colour(index))
    out = tmp_path / "o.png"
    assert run_task(images, "multi-focus", tmp_path / "stack", "-o", out).status == 0
    assert read(out).shape == (20, 24, 3)


def test_enhance_fuses_a_picture_with_itself(images: Gifnet, tmp_path: Path) -> None:
    one = save(tmp_path / "a.png", grey(1))
    run_task(images, "enhance", one, "-o", tmp_path / "1.png")
    images(one, one, "-o", tmp_path / "2.png")
    assert difference(read(tmp_path / "1.png"), read(tmp_path / "2.png")) == 0


def test_sizes_that_differ_name_the_calibration(images: Gifnet, tmp_path: Path) -> None:
    thermal = save(tmp_path / "t.png", grey(2, (12, 10)))
    visible = save(tmp_path / "v.png", colour(1))
    done = images(visible, thermal, "-o", tmp_path / "o.png")
    assert "24x20 pixels" in sentence(done)
    assert "gifnet setup" in done.err
    done = run_task(images, "medical", visible, visible, "-o", tmp_path / "o.png", "--calibration", "c.yaml")
    assert "not for medical" in sentence(done)


def test_a_calibration_registers_the_thermal_picture(images: Gifnet, tmp_path: Path) -> None:
    """A thermal picture of half the size is fused as the one that it becomes on the visible grid."""
    visible, small = save(tmp_path / "v.png", colour(1)), grey(2, (12, 10))
    calibration = one_grid((24, 20))
    matrix = ((2.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 1.0))
    thermal = calibration.thermal.scaled((12, 10))
    plane = PlaneHomography(matrix=matrix, distance_m=1.0)
    save_calibration(
        calibration.model_copy(update={"thermal": thermal, "homography": plane}), tmp_path / "c.yaml"
    )
    out = tmp_path / "1.png"
    words = visible, save(tmp_path / "t.png", small), "-o", out, "--calibration", tmp_path / "c.yaml"
    assert images(*words).status == 0
    y, x = np.mgrid[:20, :24].astype(np.float32) / 2
    warped = cv2.remap(small, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    images(visible, save(tmp_path / "w.png", np.asarray(warped)), "-o", tmp_path / "2.png")
    # Within the feather of the border the visible picture is mixed in, and the rounding differs.
    assert read(out).shape == (20, 24, 3)
    assert difference(read(out)[:4, :4], read(tmp_path / "2.png")[:4, :4]) <= 60


def test_pansharpening_of_bands_keeps_depth_and_georeference(images: Gifnet, tmp_path: Path) -> None:
    scale = TagValue(12, 3, struct.pack("<3d", 0.6, 0.6, 0.0))
    plain = cv2.imencode(".tif", grey(1).astype(np.uint16) * 8)[1].tobytes()
    pan, bands, out = tmp_path / "pan.tif", [], tmp_path / "o.tif"
    pan.write_bytes(add_tags(plain, {33550: scale}))
    for index in range(4):
        bands.append(save(tmp_path / f"b{index}.tif", grey(index, (12, 10)).astype(np.uint16) * 8))
    assert run_task(images, "pansharpen", pan, *bands, "-o", out).status == 0
    stored = np.frombuffer(out.read_bytes()[8 : 8 + 20 * 24 * 4 * 2], "<u2").reshape(20, 24, 4)
    for index in range(4):
        original = read(bands[index])
        assert np.median(stored[..., index]) == pytest.approx(np.median(original), abs=150)
    assert read_tags(out)[33550] == scale
    done = run_task(images, "pansharpen", pan, *bands, "-o", tmp_path / "o.png")
    assert "cannot hold 4 bands" in sentence(done)


def test_alpha_and_16_bits_of_the_visible_picture_are_kept(images: Gifnet, tmp_path: Path) -> None:
    deep = np.dstack((colour(1).astype(np.uint16) * 257, np.full((20, 24), 30000, np.uint16)))
    images(save(tmp_path / "v.png", deep), save(tmp_path / "t.png", grey(2)), "-o", tmp_path / "o.png")
    fused = read(tmp_path / "o.png")
    assert fused.dtype == np.uint16
    assert np.unique(fused[..., 3]).tolist() == [30000]
    assert len(np.unique(fused[..., 0] % 257)) > 10
