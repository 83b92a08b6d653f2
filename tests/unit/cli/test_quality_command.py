"""Reading, temporal metrics, tables, plots and sheets of `gifnet eval`."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from gifnet.eval.single import Grey
from stream.cli import main
from stream.errors import SourceError
from stream.quality.inputs import find_samples, read_grey, read_sample
from stream.quality.sheet import detail_view, worst_names
from stream.quality.tables import as_csv, as_json, means, table
from stream.quality.temporal import flow_with_mask, measure_video, warped_difference
from stream.sinks.images import encode

SIZE = (64, 96)


def texture(seed: int, shape: tuple[int, int] = (80, 140)) -> Grey:
    rough = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(rough, (0, 0), 2.5), np.uint8)


def write(folder: Path, names: dict[str, Grey]) -> Path:
    folder.mkdir()
    for name, picture in names.items():
        (folder / name).write_bytes(encode(picture, "png"))
    return folder


def three_folders(place: Path, count: int = 3) -> dict[str, Path]:
    return {
        side: write(place / side, {f"{each}.png": texture(10 * each + offset, SIZE) for each in range(count)})
        for offset, side in enumerate(("visible", "thermal", "fused"))
    }


def status_of(words: list[str]) -> object:
    with pytest.raises(SystemExit) as caught:
        main(words)
    return caught.value.code


def words_of(folders: dict[str, Path]) -> list[str]:
    sides = [f"--{side}={folders[side]}" for side in ("visible", "thermal")]
    return ["eval", *sides, f"--fused=ours={folders['fused']}", "--workers=1", "--quiet"]


def test_methods_are_paired_by_name(tmp_path: Path) -> None:
    folders = three_folders(tmp_path)
    samples = find_samples(folders["visible"], folders["thermal"], {"ours": folders["fused"]}, every=2)
    assert [sample.name for sample in samples] == ["0", "2"]
    assert all(sample.fused.stem == sample.thermal.stem == sample.name for sample in samples)


def test_a_missing_partner_is_named(tmp_path: Path) -> None:
    folders = three_folders(tmp_path)
    (folders["fused"] / "1.png").unlink()
    with pytest.raises(SourceError, match=r"fused lacks 1 of the 3 pictures.*the first 1;"):
        find_samples(folders["visible"], folders["thermal"], {"ours": folders["fused"]})


def test_sizes_that_differ_are_named(tmp_path: Path) -> None:
    folders = three_folders(tmp_path, 1)
    (folders["fused"] / "0.png").write_bytes(encode(texture(1, (64, 95)), "png"))
    sample = find_samples(folders["visible"], folders["thermal"], {"ours": folders["fused"]})[0]
    with pytest.raises(SourceError, match=r"95x64 pixels and .* 96x64"):
        read_sample(sample)


def test_colour_is_measured_by_its_luma_and_16_bits_are_refused(tmp_path: Path) -> None:
    colour = np.zeros((64, 64, 3), np.uint8)
    colour[:] = (200, 100, 50)
    (tmp_path / "rgb.png").write_bytes(encode(colour, "png"))
    assert np.all(read_grey(tmp_path / "rgb.png") == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50))
    cv2.imwrite(str(tmp_path / "deep.png"), np.zeros((64, 64), np.uint16))
    with pytest.raises(SourceError, match="8 bits"):
        read_grey(tmp_path / "deep.png")


def test_the_command_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders, output = three_folders(tmp_path), tmp_path / "out"
    assert status_of([*words_of(folders), "--metric=SD", "--metric=Qabf", "-o", str(output), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((output / "metrics.json").read_text())
    rows = list(csv.DictReader((output / "metrics.csv").read_text().splitlines()))
    for row in rows:
        expected = float(np.std(read_grey(folders["fused"] / f"{row['picture']}.png")))
        assert float(row["SD"]) == pytest.approx(expected, rel=1e-5)
        assert told["pictures"]["ours"][row["picture"]]["SD"] == pytest.approx(expected)
    assert told["mean"]["ours"]["SD"] == pytest.approx(np.mean([float(row["SD"]) for row in rows]), rel=1e-5)
    root = ElementTree.fromstring((output / "metrics.svg").read_text())
    assert len(root.findall(".//{*}circle")) == 2 * len(rows)
    sheet = cv2.imread(str(output / "worst.png"))
    assert sheet is not None and sheet.shape[1] == 4 * 326


@pytest.mark.parametrize(
    ("extra", "words"),
    [(["--metric=QABF"], "there is no metric 'QABF'"), (["--fused=visible=x"], "a name of its own")],
)
def test_wrong_words_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], words: str
) -> None:
    assert status_of([*words_of(three_folders(tmp_path)), *extra]) not in (0, None)
    assert words in capsys.readouterr().err


def test_several_processes_measure_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*words_of(three_folders(tmp_path)), "--json", "--metric=EN", "--metric=VIF"]
    assert status_of(words) == 0
    alone = capsys.readouterr().out
    assert status_of([word for word in words if word != "--workers=1"] + ["--workers=2"]) == 0
    assert capsys.readouterr().out == alone


def moving(picture: Grey, count: int, step: int = 2) -> list[Grey]:
    return [np.ascontiguousarray(picture[8:72, 8 + step * each :][:, :96]) for each in range(count)]


def test_flow_follows_what_moves_and_leaves_out_what_comes_in() -> None:
    before, now = moving(texture(1), 2)
    flow, steady = flow_with_mask(now, before)
    assert np.median(flow[8:-8, 8:-8, 0]) == pytest.approx(2, abs=0.1)
    assert steady[10:-10, 10:-10].mean() > 0.9
    # Pixels that came in at the right were not in the picture before.
    assert not steady[:, -1].any()
    assert warped_difference(now, before, flow, steady) < 2
    still = np.zeros((*now.shape, 2), np.float32)
    plain = float(np.abs(now.astype(float) - before).mean())
    assert warped_difference(now, before, still, np.ones(now.shape, bool)) == pytest.approx(plain)


def test_a_video_as_steady_as_its_source_has_ratio_one_and_flicker_more() -> None:
    visible, thermal = moving(texture(1), 5), [picture // 2 for picture in moving(texture(2), 5)]
    same = measure_video(zip(visible, visible, thermal, strict=True))
    assert same["warped ratio"] == pytest.approx(1)
    flicker = [np.asarray(np.clip(frame + 20.0 * (index % 2), 0, 255), np.uint8)
               for index, frame in enumerate(visible)]  # fmt: skip
    unsteady = measure_video(zip(flicker, visible, thermal, strict=True))
    assert unsteady["warped difference"] == pytest.approx(20, abs=2)
    assert unsteady["brightness step"] == pytest.approx(20, abs=2)
    assert unsteady["brightness ratio"] > 5
    assert unsteady["BiSWE"] > same["BiSWE"] + 10


def test_what_stands_behind_drifting_smoke_is_followed_by_its_own_motion() -> None:
    smoke, scene = moving(texture(1), 5), moving(texture(2), 5, step=0)
    values = measure_video(zip(scene, smoke, scene, strict=True))
    assert values["followed difference"] == pytest.approx(0, abs=0.3)
    assert values["warped difference"] > 3
    flicker = [np.asarray(np.clip(frame + 20.0 * (index % 2), 0, 255), np.uint8)
               for index, frame in enumerate(scene)]  # fmt: skip
    unsteady = measure_video(zip(flicker, smoke, scene, strict=True))
    assert unsteady["followed difference"] > 8


def test_what_cannot_be_known_is_no_number() -> None:
    still = [texture(1, SIZE)] * 2
    values = measure_video(zip(still, still, still, strict=True))
    assert math.isnan(values["BiSWE"]) and math.isnan(values["brightness ratio"])
    assert values["brightness step"] == 0


def test_detail_that_is_lost_is_red() -> None:
    source = np.random.default_rng(3).integers(0, 256, SIZE, dtype=np.uint8)
    fused = source.copy()
    fused[:, :48] = 128
    view = detail_view(fused, source, source)
    assert tuple(view[32, 20]) == (255, 40, 40)
    assert np.all(view[32, 80] == source[32, 80])


def test_tables_mark_the_best_and_know_what_is_not_known() -> None:
    rows = [("a", "1", {"EN": 1.0, "Nabf": 0.5}), ("b", "1", {"EN": 3.0, "Nabf": math.nan})]
    assert means([*rows, ("b", "2", {"EN": 5.0, "Nabf": 0.25})])["b"] == {"EN": 4.0, "Nabf": 0.25}
    assert table(means(rows)).splitlines()[1:] == ["a       1.000   0.500*", "b       3.000*      - "]
    assert as_csv(rows).splitlines()[2] == "b,1,3,"
    assert json.loads(as_json(rows))["mean"]["b"]["Nabf"] is None
    assert worst_names([("a", "1", {"EN": 1.0}), ("a", "2", {"EN": 3.0})], "EN", 1, lower=False) == ["1"]


def test_videos_are_measured_frame_by_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for offset, side in enumerate(("visible", "thermal", "fused")):
        write(tmp_path / side, {f"{each}.png": picture
                                for each, picture in enumerate(moving(texture(offset), 4))})  # fmt: skip
    folders = {side: tmp_path / side for side in ("visible", "thermal", "fused")}
    words = [*words_of(folders), "--video", "--every=2", "--metric=SD", "--json"]
    assert status_of(words) == 0
    told = json.loads(capsys.readouterr().out)["mean"]["ours"]
    stills = [float(np.std(frame)) for frame in moving(texture(2), 4)[::2]]
    assert told["SD"] == pytest.approx(np.mean(stills))
    trios = list(zip(*(moving(texture(seed), 4) for seed in (2, 0, 1)), strict=True))
    expected = measure_video(trios)
    assert {name: told[name] for name in expected} == pytest.approx(expected)
