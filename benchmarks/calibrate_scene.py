"""Calibration without a board against known truth: how often it is right, and whether ever silently wrong.

python -m benchmarks.calibrate_scene [--kinds street m3svd roadscene strangers] [--cases 100] [--stride 1]

`street`: generated streets seen by two cameras of random fields of view, turned, shifted and tilted against
each other, with noise and blur; visible 960x720, thermal 640x512. `m3svd`, `roadscene`: registered pairs of
real cameras, of which the thermal one is disturbed by homographies that move its corners by up to a tenth of
the width. RoadScene has one moment a scene. `strangers`: visible pictures of RoadScene with thermal ones of
another scene; all must be refused. Errors are in visible pixels: of the corners of the thermal picture, and
mean over what both see; `corner_640_px` is the former in pixels of the thermal picture. What is refused
counts as refused, not as right.

Real pairs were registered by others, by hand or for one distance: what the sets call registered is off by
pixels itself. So there are two more measures. `disturbance_px` takes what is known exactly, the disturbance:
the pair is calibrated as the set has it too, and the two results must differ by the disturbance (mean over
what both see). And the edges of both pictures are asked, which the features of calibration know nothing of:
`given_edges_px` and `found_edges_px` tell how far regions lie off (mean over the clear ones,
`stream.registration.gradient_correlation`) as the set registers them, and as calibration does.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common import RESULTS, circumstances, save
from stream.calibrate.grey import Grey, grey_thermal, grey_visible, scale_of
from stream.calibrate.scene.align import SceneAlignment, align
from stream.calibrate.scene.edge_check import edges_off_px
from stream.calibrate.scene.initial_guess import Guess
from stream.synthetic import Street

Numbers = NDArray[np.float64]
Picture = NDArray[Any]
Pairs = list[tuple[Picture, Picture]]
KINDS = ("street", "m3svd", "roadscene", "strangers")
MOMENTS, MOMENT_S = 6, 0.6
DISTURBED = 0.1
# Long runs are kept as they go.
KEEP_EVERY = 10
# The disturbed pictures keep their scale to within that.
NARROW = Guess((0.7, 1.4), 0.15)


@dataclass(frozen=True)
class Case:
    """One case to be calibrated.

    Attributes:
        name: of the case.
        pairs: visible and thermal pictures.
        guess: what is known beforehand.
        truth: [3, 3] visible_from_thermal; none where the pictures do not belong together.
        undisturbed: the pairs as a set of real ones has them.
    """

    name: str
    pairs: Pairs
    guess: Guess
    truth: Numbers | None = None
    undisturbed: Pairs | None = None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("GIFNET_TEST_DATA", "../shared")) / "data"
    parser.add_argument("--data", type=Path, default=data, help="folder that holds m3svd and roadscene")
    parser.add_argument("--cases", type=int, default=100, help="streets")
    parser.add_argument("--stride", type=int, default=1, help="take every so many pairs of RoadScene")
    parser.add_argument("--processes", type=int, default=1, help="cases at a time, each on one core")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="which to run")
    arguments = parser.parse_args()
    for kind in arguments.kinds:
        cases, rows = cases_of(kind, arguments), []
        # Forked, a process could wait endlessly for threads of torch that stayed behind.
        with get_context("spawn").Pool(arguments.processes, on_one_core) as pool:
            for row in pool.imap(one_case, cases):
                rows.append(row)
                if len(rows) % KEEP_EVERY == 0:
                    keep(kind, rows)
        keep(kind, rows)


def on_one_core() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def cases_of(kind: str, arguments: argparse.Namespace) -> Iterator[Case]:
    if kind == "street":
        return streets(arguments.cases)
    if kind == "m3svd":
        return m3svd(arguments.data / "m3svd" / "frames")
    real = roadscene if kind == "roadscene" else strangers
    return real(arguments.data / "roadscene", arguments.stride)


def keep(kind: str, rows: list[dict[str, Any]]) -> None:
    """Put a kind beside what was measured of the others."""
    path = RESULTS / "calibrate_scene.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    told = summary(rows)
    print(kind, told, flush=True)
    known[kind] = {**told, "circumstances": circumstances(), "cases": rows}
    save("calibrate_scene", known)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Summary of the cases of a kind."""
    kept = [row for row in rows if not row["doubt"]]
    told = {
        "number": len(rows),
        "refused": len(rows) - len(kept),
        "median_s": round(float(np.median([row["seconds"] for row in rows])), 1),
    }
    if "mean_px" not in rows[0]:
        return told
    edges = [row for row in kept if row["given_edges_px"] is not None and row["found_edges_px"] is not None]
    if "disturbance_px" in rows[0]:
        told |= told_of_disturbances(rows, kept)
    return told | {
        "corners_below_1_px": share(rows, lambda row: not row["doubt"] and row["corner_px"] < 1),
        "corners_below_1_thermal_px": share(rows, lambda row: not row["doubt"] and row["corner_640_px"] < 1),
        "mean_below_2_px": share(rows, lambda row: not row["doubt"] and row["mean_px"] < 2),
        "accepted_with_corners_above_3_px": sum(row["corner_px"] > 3 for row in kept),
        "accepted_with_mean_above_3_px": sum(row["mean_px"] > 3 for row in kept),
        "median_mean_px": round(float(np.median([row["mean_px"] for row in kept or rows])), 2),
        "median_given_edges_px": median(row["given_edges_px"] for row in edges),
        "median_found_edges_px": median(row["found_edges_px"] for row in edges),
        "found_edges_below_2_px": share(
            rows, lambda row: not row["doubt"] and (row["found_edges_px"] or 9.0) < 2
        ),
        "accepted_with_found_edges_above_3_px": sum(row["found_edges_px"] > 3 for row in edges),
        "edges_prefer_what_was_found": sum(row["found_edges_px"] < row["given_edges_px"] for row in edges),
        "edges_could_tell": len(edges),
    }


def told_of_disturbances(rows: list[dict[str, Any]], kept: list[dict[str, Any]]) -> dict[str, Any]:
    missed_px = [row["disturbance_px"] for row in kept if row["disturbance_px"] is not None]
    return {
        "disturbance_below_2_px": round(sum(px < 2 for px in missed_px) / len(rows), 3),
        "accepted_with_disturbance_above_3_px": sum(px > 3 for px in missed_px),
        "median_disturbance_px": median(missed_px),
    }


def share(rows: list[dict[str, Any]], is_so: Any) -> float:
    return round(sum(map(is_so, rows)) / len(rows), 3)


def median(values: Iterable[float]) -> float:
    return round(float(np.median(list(values) or [np.nan])), 2)


def one_case(case: Case) -> dict[str, Any]:
    begin_s = perf_counter()
    greys = greys_of(case.pairs)
    found = align(greys, case.guess)
    row = {
        "name": case.name,
        "told_px": round(found.error_px, 3),
        "evidence": round(found.evidence, 2),
        "agreement": round(found.agreement, 3),
        "rival": round(found.rival, 3),
        "doubt": found.doubt,
        "seconds": round(perf_counter() - begin_s, 1),
    }
    if case.truth is not None:
        corner_px, mean_px = errors(found, case.truth)
        row |= {
            "corner_px": round(corner_px, 3),
            "corner_640_px": round(corner_px / scale_of(case.truth, found.thermal_size), 3),
            "mean_px": round(mean_px, 3),
            "given_edges_px": rounded(edges_off_px(greys, case.truth)),
            "found_edges_px": rounded(found.edges_off_px),
        }
        if case.undisturbed:
            row["disturbance_px"] = rounded(disturbance_px(case.undisturbed, case.truth, case.guess, found))
    print(row, flush=True)
    return row


def greys_of(pairs: Pairs) -> list[tuple[Grey, Grey]]:
    return [(grey_visible(visible), grey_thermal(thermal)) for visible, thermal in pairs]


def disturbance_px(undisturbed: Pairs, back: Numbers, guess: Guess, found: SceneAlignment) -> float | None:
    """Error of the disturbance as `back` undoes it; none where undisturbed pairs are refused."""
    before = align(greys_of(undisturbed), guess)
    return None if before.doubt else errors(found, before.matrix @ back)[1]


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def errors(found: SceneAlignment, truth: Numbers) -> tuple[float, float]:
    """Mean over the corners of the thermal picture, and over what both see, in visible pixels."""
    corners = places(found.thermal_size, 2, 2)
    corner_px = np.linalg.norm(moved(corners, found.matrix) - moved(corners, truth), axis=-1).mean()
    grid = places(found.visible_size, 17, 13)
    thermal = moved(grid, np.linalg.inv(truth))
    limits = np.array(found.thermal_size) - 1
    seen = ((thermal >= 0) & (thermal <= limits)).all(axis=-1)
    mean_px = np.linalg.norm(moved(thermal, found.matrix) - grid, axis=-1)[seen].mean()
    return float(corner_px), float(mean_px)


def places(size: tuple[int, int], across: int, down: int) -> Numbers:
    axes = np.linspace(0, size[0] - 1, across), np.linspace(0, size[1] - 1, down)
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 1, 2)


def moved(points: Numbers, matrix: Numbers) -> Numbers:
    return np.asarray(cv2.perspectiveTransform(points, matrix))


def streets(count: int) -> Iterator[Case]:
    """Generated streets; the visible camera has 960x720 pixels, the thermal one 640x512."""
    visible_size, thermal_size = (960, 720), (640, 512)
    for seed in range(count):
        rng = np.random.default_rng(1000 + seed)
        street = Street(seed, visible_size)
        scale = np.exp(rng.uniform(np.log(0.45), np.log(1.6))) * visible_size[0] / thermal_size[0]
        turn = np.radians(rng.uniform(-5, 5))
        truth = np.eye(3)
        truth[:2, :2] = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        middle = np.array(visible_size) / 2 + rng.uniform(-0.15, 0.15, 2) * visible_size[0]
        truth[:2, 2] = middle - truth[:2, :2] @ (np.array(thermal_size) / 2)
        truth = disturbance(rng, visible_size, 0.02) @ truth
        blur_px, noise = rng.uniform(0.3, 1.5), rng.uniform(2, 12)
        pairs = []
        for moment in range(MOMENTS):
            time_s = moment * MOMENT_S
            counts = street.thermal(time_s).astype(np.float32)
            seen = cv2.warpPerspective(
                counts, np.linalg.inv(truth), thermal_size, flags=cv2.INTER_AREA,
                borderMode=cv2.BORDER_CONSTANT, borderValue=float(np.median(counts)),
            )  # fmt: skip
            seen = cv2.GaussianBlur(seen, (0, 0), blur_px) + rng.normal(0, noise, seen.shape)
            visible = street.visible(time_s).astype(np.float64) + rng.normal(0, 4, (*visible_size[::-1], 3))
            pairs.append((visible.clip(0, 255).astype(np.uint8), seen.clip(0, 65535).astype(np.uint16)))
        yield Case(f"street {seed}", pairs, Guess(), truth)


def m3svd(folder: Path) -> Iterator[Case]:
    """Ten moments of each scene, disturbed three ways."""
    rng = np.random.default_rng(11)
    for scene in sorted(folder.iterdir()):
        names = list(
            zip(sorted((scene / "visible").iterdir()), sorted((scene / "thermal").iterdir()), strict=True)
        )
        for number in range(3):
            yield disturbed(rng, f"{scene.name} {number}", [read(*two) for two in names[::2]])


def roadscene(folder: Path, stride: int) -> Iterator[Case]:
    rng = np.random.default_rng(12)
    for path in sorted((folder / "visible").iterdir())[::stride]:
        yield disturbed(rng, path.name, [read(path, folder / "thermal" / path.name)])


def strangers(folder: Path, stride: int) -> Iterator[Case]:
    """Visible and thermal pictures of two different scenes."""
    paths = sorted((folder / "visible").iterdir())
    for number in range(0, len(paths), stride):
        other = paths[(number + len(paths) // 2) % len(paths)]
        yield Case(paths[number].name, [read(paths[number], folder / "thermal" / other.name)], NARROW)


def read(visible: Path, thermal: Path) -> tuple[Picture, Picture]:
    colour, grey = cv2.imread(str(visible)), cv2.imread(str(thermal), cv2.IMREAD_GRAYSCALE)
    assert colour is not None and grey is not None
    return cv2.cvtColor(colour, cv2.COLOR_BGR2RGB), np.asarray(grey)


def disturbed(rng: np.random.Generator, name: str, pairs: Pairs) -> Case:
    """Thermal pictures moved by a homography."""
    height, width = pairs[0][1].shape
    matrix = disturbance(rng, (width, height), DISTURBED)
    warped = [
        (visible, cv2.warpPerspective(thermal, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE))
        for visible, thermal in pairs
    ]
    moved = [(visible, np.asarray(thermal)) for visible, thermal in warped]
    return Case(name, moved, NARROW, np.linalg.inv(matrix), pairs)


def disturbance(rng: np.random.Generator, size: tuple[int, int], most: float) -> Numbers:
    """A homography that moves each corner by up to a share of the width, right and down."""
    corners = places(size, 2, 2)[:, 0].astype(np.float32)
    by = (rng.uniform(-most, most, (4, 2)) * size[0]).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, corners + by), np.float64)


if __name__ == "__main__":
    main()
