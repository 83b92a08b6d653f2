"""Joins the parts of a recording: checks their seams, and makes one output of theirs."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from stream.batch.cutting.cut import Cut, FuseWhole
from stream.batch.job import Record
from stream.config import RunSettings
from stream.files.run_paths import local_path
from stream.monitoring.loss import check_loss
from stream.monitoring.report import RunReport
from stream.runtime.clock import SystemClock
from stream.sinks.base import SinkOptions
from stream.sinks.images import TIMES
from stream.sinks.video.join import PartFile, UnlikePartsError, join_videos
from stream.sinks.video.settings import SIDECAR_SUFFIX


def join_parts(settings: RunSettings, cut: Cut, parts: Sequence[Record], folder: Path, target: Path) -> None:
    """Make the output of a recording of those of its parts, which stay as they are.

    Args:
        settings: of the whole.
        cut: that made the parts.
        parts: their records, in order.
        folder: of the batch, which the names of their files are relative to.
        target: of the output, in a folder that is there.

    Raises:
        FuseWhole: the parts do not make what a single run makes.
        LossError: much of the whole is missing.
        SinkError: the output cannot be written.
    """
    check_seams(parts)
    filled = [part for part in parts if part["fused"]]
    if not filled:
        raise FuseWhole("no part has a frame")
    check_loss(_report(parts), settings.allow_loss)
    if target.suffix:
        _join_videos(settings, cut, filled, folder, target)
    else:
        _join_pictures(filled, folder, target)


def check_seams(parts: Sequence[Record]) -> None:
    """Compare the first pair of every part with that which the part before found there.

    Pairing goes on from a pair by nothing but that pair and what follows it, so that parts that agree in one
    agree in all behind it: together they have the pairs of the whole recording, each once.

    Raises:
        FuseWhole: two parts pair differently.
    """
    for before, after in pairwise(parts):
        if before["seam"]["next"] != after["seam"]["first"]:
            begin_s = float(Fraction(after["part"]["begin_s"]))
            raise FuseWhole(f"its parts pair differently where they meet, at {begin_s:.3f} s")


def account(cut: Cut, parts: Sequence[Record]) -> dict[str, Any]:
    """Counts of the whole for its record; frames that several parts read are counted by each of them."""
    report, warnings = _report(parts), [text for part in parts for text in part["warnings"]]
    overlap = sum(part["seam"]["overlap"] for part in parts)
    return {
        "frames_in": report.frames_in,
        "fused": sum(part["fused"] for part in parts),
        "dropped": report.dropped,
        "lost": report.lost,
        "wall_s": round(sum(part["wall_s"] for part in parts), 3),
        "cut": {
            "parts": len(parts),
            "overlap_frames": cut.overlap_frames,
            "fused_for_overlap": overlap,
            "hosts": sorted({part["host"] for part in parts}),
        },
        "warnings": list(dict.fromkeys(warnings)),
    }


def _report(parts: Sequence[Record]) -> RunReport:
    """The counts of all parts together."""
    frames_in, dropped = Counter[str](), Counter[str]()
    lost: dict[str, Counter[str]] = {}
    for part in parts:
        frames_in.update(part["frames_in"])
        dropped.update(part["dropped"])
        for side, reasons in part["lost"].items():
            lost[side] = lost.get(side, Counter()) + Counter(reasons)
    report = RunReport(SystemClock())
    report.add(frames_in=lambda: frames_in, dropped=lambda: dropped, lost=lambda: lost)
    return report


def _main_file(part: Record, folder: Path) -> Path:
    """The video or folder of a part; a sidecar is listed before it."""
    return folder / str(part["files"][-1]["name"])


def _join_videos(
    settings: RunSettings, cut: Cut, parts: Sequence[Record], folder: Path, target: Path
) -> None:
    output = settings.outputs[0]
    audio = local_path(settings.visible.uri) if cut.audio and output.audio else None
    options = SinkOptions(
        rate=cut.rate,
        time_base=cut.time_base,
        encoder=output.encoder,
        quality=output.quality,
        audio_from=str(audio) if audio else None,
    )
    files = [
        PartFile(_main_file(part, folder), part["fused"], Fraction(part["seam"]["first"][0]))
        for part in parts
    ]
    try:
        join_videos(files, target, options)
    except UnlikePartsError as error:
        raise FuseWhole(f"its parts do not make one file: {error}") from None
    if output.sidecar:
        _join_sidecars(parts, folder, target)


def _join_sidecars(parts: Sequence[Record], folder: Path, target: Path) -> None:
    """The lines of all parts, numbered on."""
    first = 0
    with target.with_suffix(SIDECAR_SUFFIX).open("w", encoding="utf-8") as joined:
        for part in parts:
            with _main_file(part, folder).with_suffix(SIDECAR_SUFFIX).open(encoding="utf-8") as lines:
                for line in lines:
                    values = json.loads(line)
                    values |= {"seq": values["seq"] + first, "file": target.name}
                    joined.write(json.dumps(values) + "\n")
            first += part["fused"]


def _join_pictures(parts: Sequence[Record], folder: Path, target: Path) -> None:
    """The pictures of all parts, numbered on, and one list of times."""
    target.mkdir()
    first = 0
    with (target / TIMES).open("w", encoding="utf-8") as joined:
        for part in parts:
            place = _main_file(part, folder)
            head, *lines = (place / TIMES).read_text(encoding="utf-8").splitlines()
            if not first:
                joined.write(f"{head}\n")
            for line in lines:
                name, time_s = line.split(",")
                number, suffix = name.split(".")
                renamed = f"{int(number) + first:06d}.{suffix}"
                _link(place / name, target / renamed)
                joined.write(f"{renamed},{time_s}\n")
            first += part["fused"]


def _link(file: Path, name: Path) -> None:
    """Give a file a further name; a copy where the disk has no links."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)
