"""The readers that are tried, each with the errors that may come out of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from gifnet import weights as weight_files
from stream.client.control import Control, ControlError
from stream.config import InputSettings, RunSettings
from stream.config.validate import validate
from stream.config.yaml_file import load_yaml
from stream.errors import GifnetError
from stream.frame import Side
from stream.radiometry import from_json
from stream.recording import FRAMES
from stream.recording.reader import Recording
from stream.registration.calibration import load_calibration
from stream.sources import open_source
from stream.sources.pictures.metadata import read_alpha, read_metadata
from stream.sources.recording import RecordedSide
from stream.stills.picture import load_picture, survey_pictures
from stream.thermal.bad_pixels import load_bad_pixels
from stream.zeromq.message import MessageError, decode_payload, parse_header, split_one_part
from tests.fuzz.seeds import SEEDS, SIZE, Seeds

SIDES: tuple[Side, Side] = ("visible", "thermal")
# Largest payload that a subscriber takes by default, in bytes.
LARGEST_PAYLOAD = 128_000_000


@dataclass(frozen=True)
class Reader:
    """A reader of bytes from elsewhere.

    Attributes:
        seeds: good input.
        read: reads a file to its end.
        errors: may come out of it.
    """

    seeds: Callable[[], Seeds]
    read: Callable[[Path], None]
    errors: tuple[type[Exception], ...] = (GifnetError,)


def _source(path: Path) -> None:
    for side in SIDES:
        _ignoring(partial(_source_of, path, side))


def _source_of(path: Path, side: Side) -> None:
    with open_source(InputSettings(uri=str(path)), side) as source:
        for frame in source:
            assert frame.pixels.size


def _still(path: Path) -> None:
    read_metadata(path)
    read_alpha(path)
    survey_pictures([path])
    load_picture(path)


def _thermal_still(path: Path) -> None:
    for side in SIDES:
        _ignoring(partial(survey_pictures, [path], [side]))
        _ignoring(partial(load_picture, path, side=side))


def _recording(path: Path) -> None:
    """A file in the place of the one of that name in a good recording."""
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        for good, data in _good_recording().items():
            (folder / good).write_bytes(data)
        shutil.copy(path, folder / path.name)
        assert (folder / FRAMES).exists()
        _ignoring(lambda: sum(1 for _ in Recording(folder).frame_sets()))
        for side in SIDES:
            with RecordedSide(folder, side) as source:
                for frame in source:
                    assert frame.pixels.size


@cache
def _good_recording() -> Seeds:
    return SEEDS["recordings"]()


def _ignoring(read: Callable[[], object], error: type[Exception] = GifnetError) -> None:
    with suppress(error):
        read()


def _times(path: Path) -> None:
    """A list of times in a folder of pictures, or the names of the pictures themselves."""
    names = [f"a-{index}.png" for index in range(4)]
    data = path.read_bytes()
    if path.name == "names.txt":
        lines = data.replace(b"\0", b"").replace(b"/", b"").split(b"\n")
        names = [os.fsdecode(line[:240] + b".png") for line in lines[:16]]
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name in names:
            (Path(folder) / name).write_bytes(_picture())
        if path.name != "names.txt":
            (Path(folder) / path.name).write_bytes(data)
        _source_of(Path(folder), "visible")


@cache
def _picture() -> bytes:
    return SEEDS["pictures"]()["colour.png"]


def _message(path: Path) -> None:
    data = memoryview(path.read_bytes())
    if data[:1] == b"{":
        header = parse_header(bytes(data))
        _ignoring(lambda: from_json(header.radiometry), ValueError)
        return
    head, payload = split_one_part(data)
    decode_payload(parse_header(head), payload, LARGEST_PAYLOAD)


def _answer(path: Path) -> None:
    with Control("tcp://127.0.0.1:1") as run:
        run._result(path.read_bytes())


READERS: dict[str, Reader] = {
    "pictures": Reader(SEEDS["pictures"], _source),
    "stills": Reader(SEEDS["pictures"], _still),
    "stacks": Reader(SEEDS["stacks"], _source),
    "times": Reader(SEEDS["times"], _times),
    "flir": Reader(SEEDS["flir"], _source),
    "numbers": Reader(SEEDS["numbers"], _source),
    "flir_stills": Reader(SEEDS["flir"], _thermal_still),
    "videos": Reader(SEEDS["videos"], _source),
    "recordings": Reader(SEEDS["recordings"], _recording),
    "messages": Reader(SEEDS["messages"], _message, (MessageError,)),
    "answers": Reader(SEEDS["answers"], _answer, (ControlError,)),
    "weights": Reader(SEEDS["weights"], lambda path: void(weight_files.read(path))),
    "calibrations": Reader(SEEDS["calibrations"], lambda path: void(load_calibration(path))),
    "settings": Reader(
        SEEDS["settings"],
        lambda path: void(validate(RunSettings, load_yaml(path), f"the configuration {path}")),
    ),
    "bad_pixels": Reader(SEEDS["bad_pixels"], lambda path: void(load_bad_pixels(path, SIZE))),
}


def void(_: object) -> None:
    """Forget a result."""
