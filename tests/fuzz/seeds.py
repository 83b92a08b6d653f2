"""Small good files of every kind, made when they are needed; name -> bytes."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml

from gifnet.weight_places import PACKAGED_LITE
from stream.frame import Frame, FramePair
from stream.radiometry import Linear, as_json
from stream.recording.writer import RecordingWriter
from stream.registration.calibration import one_grid, save_calibration
from stream.zeromq.message import Header, one_part_head
from tests.helpers.dji import COUNTS, dji, jpeg
from tests.helpers.flir import flir_jpeg, sequence, visible_record
from tests.helpers.media import moving_pattern, write_video
from tests.helpers.tiff import tiff

Seeds = dict[str, bytes]
CONFIGS = Path(__file__).parents[2] / "configs"
SIZE = (64, 48)


def pictures() -> Seeds:
    colour, deep = moving_pattern(1, SIZE, colour=True)[0], moving_pattern(1, SIZE, depth=14)[0]
    alpha = np.dstack([colour, np.full(colour.shape[:2], 200, np.uint8)])
    found = {f"colour.{suffix}": _encoded(suffix, colour) for suffix in ("png", "jpg", "bmp", "webp", "tif")}
    found |= {"deep.png": _encoded("png", deep), "deep.tif": _encoded("tif", deep)}
    found |= {"alpha.png": _encoded("png", alpha), "alpha.webp": _encoded("webp", alpha)}
    found["waves.jpg"] = _encoded("jpg", colour, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    found["plain.tif"] = _encoded("tif", colour, cv2.IMWRITE_TIFF_COMPRESSION, 1)
    found["float.tif"] = _encoded("tif", deep.astype(np.float32))
    found["grey.pgm.png"] = _encoded("pgm", deep)
    return found


def stacks() -> Seeds:
    pages = moving_pattern(4, (24, 16), depth=14)
    return {
        "plain.tif": tiff(pages),
        "big.tif": tiff(pages, big=True, order=">"),
        "imagej.tif": tiff(pages[:1], description="ImageJ=1.5\nimages=4\n"),
    }


def flir() -> Seeds:
    counts = moving_pattern(1, (40, 30), depth=14)[0]
    seen = moving_pattern(1, (48, 32), colour=True)[0]
    return {
        "counts.jpg": flir_jpeg(counts, part_bytes=1000),
        "png.jpg": flir_jpeg(counts, png=True, order=">"),
        "both.jpg": flir_jpeg(counts, visible=visible_record(seen), overlay=(1.5, 2, -1)),
        "bare.jpg": flir_jpeg(counts, visible=visible_record(seen, "bare")),
        "a.seq": sequence([counts, counts], [1_526_373_747_123, 1_526_373_747_234]),
        "a.csq": sequence([counts, counts], csq=True, rate=9),
    }


def numbers() -> Seeds:
    """Thermal pictures as numbers, and beside pictures of other makers."""
    degrees = np.linspace(-5, 36, 40 * 30, dtype=np.float32).reshape(30, 40)
    whole = io.BytesIO()
    np.save(whole, np.stack([degrees, degrees]))
    rows = "\n".join(";".join(f"{each:.1f}".replace(".", ",") for each in row) for row in degrees)
    return {
        "a.npy": whole.getvalue(),
        "a.csv": f"Frame 1\n{rows}\n".encode(),
        "float.tif": _encoded("tif", degrees),
        "dji.jpg": jpeg(dji(COUNTS)),
    }


def videos() -> Seeds:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in _VIDEOS.items():
            depth = options.pop("depth", 8)
            frames = moving_pattern(6, SIZE, depth=depth, colour=depth == 8)
            found[name] = write_video(Path(folder) / name, frames, **options).read_bytes()
            options["depth"] = depth
    return found


_VIDEOS: dict[str, dict[str, Any]] = {
    "plain.mp4": {"rotation": 90},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "plain.mkv": {},
    "plain.ts": {},
    "plain.avi": {"codec": "mpeg4"},
    "motion.avi": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "counts.mkv": {"depth": 14},
    "sound.mov": {"audio": True},
    "web.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
}


def recordings() -> Seeds:
    """The lists of one recording, and its videos."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "kept"
        writer = RecordingWriter(folder, {"cameras": "two"})
        colours, counts = moving_pattern(4, SIZE, colour=True), moving_pattern(4, SIZE, depth=14)
        for index, (colour, count) in enumerate(zip(colours, counts, strict=True)):
            time_s = Fraction(index, 25)
            visible = Frame(colour, "rgb24", time_s, "rtcp", index)
            thermal = Frame(count, "gray16le", time_s, "arrival", index, 14, radiometry=Linear(0.01, -273.15))
            writer.add_frame("visible", visible)
            writer.add_frame("thermal", thermal)
            writer.add_frame_set(FramePair(visible, thermal, time_s, 0.0))
        writer.close()
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def messages() -> Seeds:
    picture = moving_pattern(1, SIZE, colour=True)[0]
    fields: dict[str, Any] = {
        "stream": "main", "view": "fused", "seq": 3, "shape": (SIZE[1], SIZE[0], 3), "pixel_format": "rgb24",
        "encoding": "raw", "t_visible_ns": 1, "t_thermal_ns": None, "clock_visible": "rtcp",
        "clock_thermal": None, "pairing_error_ms": 0.5, "flags": ("held",), "registration": None,
        "model": {"name": "default", "sha256": "00" * 32}, "latency_ms": 12.5,
        "radiometry": as_json(Linear(0.01, -273.15)),
    }  # fmt: skip
    found = {}
    for name, payload in {"raw": picture.tobytes(), "jpeg": _encoded("jpg", picture)}.items():
        header = Header(**fields | {"encoding": name})
        found[name] = one_part_head(b"main/fused", header.as_json()) + payload
        found[f"{name}.json"] = header.as_json()
    return found


def weights() -> Seeds:
    packaged = PACKAGED_LITE.read_bytes()
    found = {"lite.safetensors": packaged}
    for name, is_zip in {"new.pt": True, "old.pt": False}.items():
        file = io.BytesIO()
        stored = {"a.weight": torch.ones(3, 4), "a.bias": torch.nn.Parameter(torch.ones(4))}
        torch.save(stored, file, _use_new_zipfile_serialization=is_zip)
        found[name] = file.getvalue()
    return found


def calibrations() -> Seeds:
    with tempfile.TemporaryDirectory() as folder:
        save_calibration(one_grid(SIZE), Path(folder) / "c.yaml")
        grid = (Path(folder) / "c.yaml").read_bytes()
    return {"grid.yaml": grid, "example.yaml": (CONFIGS / "calibration_example.yaml").read_bytes()}


def settings() -> Seeds:
    names = ("file_pair.yaml", "live_pair.yaml", "raw_thermal.yaml")
    return {name: (CONFIGS / name).read_bytes() for name in names}


def bad_pixels() -> Seeds:
    picture = np.zeros(SIZE[::-1], np.uint8)
    picture[3, 4] = 255
    return {
        "map.png": _encoded("png", picture),
        "map.tif": _encoded("tif", picture),
        "list.txt": b"# two\n3 4\n10,7\n",
    }


def times() -> Seeds:
    """Lists of names and times beside `a-0.png` to `a-3.png`, and `names.txt`, lines of which are names."""
    ours = "file,time_s\n" + "".join(f"a-{n}.png,{1700000000 + n / 25:.3f}\n" for n in range(4))
    others = "# timestamp [ns]\tname\n" + "".join(f"{1700000000 * 10**9 + n}\ta-{n}.png\n" for n in range(4))
    dates = "".join(f"2024-05-15T10:42:2{n}.123Z\n" for n in range(4))
    split = "name;secs;nsecs\n" + "".join(f'"a-{n}";1700000000;{n}000\n' for n in range(4))
    names = "shot_20180515_104227_{n} 17000000{n}0.123 img1700000000{n}000000000 2018-05-15T10.42.2{n}"
    found = {"times.csv": ours, "others.csv": others, "times.txt": dates, "data.csv": split}
    found["names.txt"] = "\n".join(names.format(n=n) for n in range(4)).replace(" ", "\n")
    return {name: text.encode() for name, text in found.items()}


def answers() -> Seeds:
    return {
        "status.json": json.dumps({"result": {"recent": {"rate": 12.5}, "cameras": [1, "two"]}}).encode(),
        "refused.json": json.dumps({"error": "no such setting"}).encode(),
        "yaml.json": yaml.safe_dump({"result": {}}).encode(),
    }


def _encoded(suffix: str, picture: Any, *options: int) -> bytes:
    return bytes(cv2.imencode(f".{suffix}", picture, options)[1])


SEEDS: dict[str, Callable[[], Seeds]] = {
    each.__name__: each
    for each in (
        pictures,
        stacks,
        flir,
        numbers,
        videos,
        recordings,
        messages,
        weights,
        calibrations,
        settings,
        bad_pixels,
        times,
        answers,
    )
}
