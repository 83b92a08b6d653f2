"""Times of pictures in folders: in their names, in a list beside them, or by a rate."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import pytest

from stream.config import InputSettings
from stream.errors import SourceError
from stream.sources import open_source
from stream.sources.pictures.names import times_in_names
from stream.sources.pictures.times import PictureTimes, times_of
from stream.uri import parse_uri
from tests.unit.sources.test_images import fill

START = 1526373747


def shown(stems: list[str]) -> list[Fraction] | None:
    """Times after the first, in seconds; None where the names hold none."""
    found = times_in_names(stems)
    return [time_s - found.times_s[0] for time_s in found.times_s] if found else None


def first(stem: str) -> Fraction | None:
    found = times_in_names([stem])
    return found.times_s[0] if found else None


@pytest.mark.parametrize(
    ("stem", "time_s"),
    [
        ("1526373747", Fraction(START)),
        ("1526373747123_cam", START + Fraction(123, 1000)),
        ("left-1526373747123456", START + Fraction(123456, 10**6)),
        ("1526373747123456789", START + Fraction(123456789, 10**9)),
        ("rgb_1526373747.123456789_0", START + Fraction(123456789, 10**9)),
        ("1526373747.5", START + Fraction(1, 2)),
        ("1526373747_123456789", START + Fraction(123456789, 10**9)),
        ("IMG_20180515_084227", Fraction(START)),
        ("20180515084227123", START + Fraction(123, 1000)),
        ("DJI_20180515084227_0001_T", Fraction(START)),
        ("20180515_084227_123", START + Fraction(123, 1000)),
        ("2018-05-15T08:42:27.123456Z", START + Fraction(123456, 10**6)),
        ("2018-05-15T10-42-27+0200", Fraction(START)),
        ("shot 2018-05-15 at 08.42.27", Fraction(START)),
        ("frame_0001", None),
        ("20180515_000123_x_991399", None),
        ("2018051501", None),
        ("20181515_084227", None),
        ("201805150842", None),
        ("00000000000000000001", None),
    ],
)
def test_a_name_that_holds_a_time(stem: str, time_s: Fraction | None) -> None:
    if stem.startswith("20180515_000123"):
        assert shown([stem, stem.replace("000123", "000124")]) is None
        return
    assert first(stem) == time_s


def test_fractions_without_leading_zeros_are_nanoseconds_and_others_decimals() -> None:
    tenths = [0, 100_000_000, 200_000_000]
    assert shown([f"{START}.{n + 5_000_000}" for n in tenths]) == [Fraction(n, 10**9) for n in tenths]
    assert shown([f"{START}.{text}" for text in ("05", "1", "15", "2")]) == [
        Fraction(n, 20) for n in range(4)
    ]


def test_what_follows_a_second_may_be_a_count_and_is_no_fraction_then() -> None:
    assert shown(["20180515_084227_001", "20180515_084227_002", "20180515_084228_001"]) is None
    assert shown([f"{START}_001", f"{START}_002", f"{START}_003"]) is None
    assert shown(["20180515_084227_040", "20180515_084227_080", "20180515_084228_020"]) == [
        0,
        Fraction(40, 1000),
        Fraction(980, 1000),
    ]


def test_two_pictures_of_one_second_have_no_times() -> None:
    assert shown(["20180515_084227_a", "20180515_084227_b"]) is None


def times(folder: Path, options: str = "", rate: float | None = None) -> PictureTimes:
    uri = parse_uri(f"images://{folder}{options}")
    stated = Fraction(str(rate)) if rate else None
    return times_of(sorted(folder.glob("*.png")), uri, stated)


def named(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_our_own_list_goes_before_names(tmp_path: Path) -> None:
    named(tmp_path, ["000000.png", "000001.png", "000002.png"])
    lines = [f"00000{n}.png,1526373747.{n}22999907" for n in range(3)]
    (tmp_path / "times.csv").write_text("file,time_s\n" + "\n".join(lines) + "\n")
    found = times(tmp_path)
    assert found.times_s[1] == START + Fraction(122999907, 10**9)
    assert (found.rate, found.clock, found.form) == (10, "device", "those of times.csv")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("frames.csv", "frame;timestamp [ns]\na;0\nb;100000000\nc;250000000\n"),
        ("frames.csv", "time_ms,label,path\n0,x,rgb/a.png\n100,y,rgb/b.png\n250,z,rgb/c.png\n"),
        ("log.txt", "# a comment\n# timestamp filename\n0.00 rgb/a.png\n0.10 rgb/b.png\n0.25 rgb/c.png\n"),
        ("timestamps.txt", "2011-09-26 13:02:25.0\n2011-09-26 13:02:25.100000000\n2011-09-26 13:02:25.25\n"),
        ("times.txt", "1.500000000000000000e+00\n1.6e+00\n1.75e+00\n"),
        (
            "data.csv",
            f"#t,secs,nsecs,filename\n1,{START},0,a.png\n2,{START},100000000,b.png\n3,{START},250000000,c.png\n",
        ),
        ("x.csv", f"a.png,{START}000\nc.png,{START}250\nb.png,{START}100\n"),
    ],
)
def test_lists_of_others(tmp_path: Path, name: str, text: str) -> None:
    named(tmp_path, ["a.png", "b.png", "c.png"])
    (tmp_path / name).write_text(text)
    found = times(tmp_path)
    assert [time_s - found.times_s[0] for time_s in found.times_s] == [0, Fraction(1, 10), Fraction(1, 4)]
    assert [path.stem for path in found.paths] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text",
    [
        f"name;secs;nsecs\na;{START};100\nb;{START + 1}\nc;{START + 2};100\n",
        f"timestamp [ns],name,alias\n{START}000000000,a.png,a.png\n{START}000000001\n",
    ],
)
def test_a_list_whose_rows_are_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, text: str) -> None:
    named(tmp_path, ["a.png", "b.png", "c.png"])
    (tmp_path / "data.csv").write_text(text)
    found = times(tmp_path)
    assert found.paths[0].stem == "a"


def test_a_list_in_the_folder_above(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    named(tmp_path / "data", ["1403636579763555584.png", "1403636579813555456.png"])
    (tmp_path / "data.csv").write_text(
        "#timestamp [ns],filename\n"
        "1403636579763555584,1403636579763555584.png\n1403636579813555456,1403636579813555456.png\n"
    )
    found = times(tmp_path / "data")
    assert found.form == "those of data.csv"
    assert found.times_s[0] == Fraction(1403636579763555584, 10**9)


def test_a_table_without_times_is_none(tmp_path: Path) -> None:
    named(tmp_path, ["a.png", "b.png"])
    (tmp_path / "labels.csv").write_text("file,label,x\na.png,3,5\nb.png,4,5\n")
    (tmp_path / "notes.txt").write_bytes(b"\xff\xfe\x00")
    assert not times(tmp_path).form


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "a.png",
        "a.png,\nb.png",
        ",\n,,\n",
        "file,time_s\na.png,1e999\nb.png,2",
        "a.png," + "x" * 200_000,
    ],
)
def test_tables_that_are_no_lists(tmp_path: Path, text: str) -> None:
    named(tmp_path, ["a.png", "b.png"])
    (tmp_path / "other.csv").write_text(text)
    (tmp_path / "a.txt").write_text("a.png 1.0\nb.png 2.0\n")
    assert not times(tmp_path).form


def test_a_useless_list_of_our_name_is_one_sentence(tmp_path: Path) -> None:
    named(tmp_path, ["a.png", "b.png"])
    (tmp_path / "times.csv").write_text("file,time_s\nx.png,1\n")
    with pytest.raises(SourceError, match=r"times\.csv tells no times of the pictures beside it"):
        times(tmp_path)
    assert not times(tmp_path, "?times=rate").form


def test_pictures_that_a_list_leaves_out_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, ["a.png", "b.png", "c.png"])
    (tmp_path / "times.csv").write_text("file,time_s\na.png,1.0\nc.png,2.0\n")
    with open_source(InputSettings(uri=str(tmp_path)), "visible") as source:
        assert [frame.time_s for frame in source] == [1, 2]
    assert source.lost == {"without_time": 1}


def test_a_stated_rate_goes_before_lists_and_names(tmp_path: Path) -> None:
    named(tmp_path, ["a.png", "b.png"])
    (tmp_path / "times.csv").write_text("file,time_s\na.png,1.0\nb.png,2.0\n")
    assert times(tmp_path, rate=10).times_s == (0, Fraction(1, 10))


@pytest.mark.parametrize(
    ("option", "names", "step_s"),
    [
        ("name_s", ["0.png", "2.png"], Fraction(2)),
        ("name_ms", ["0_cam1.png", "40_cam1.png"], Fraction(40, 1000)),
        ("name_us", ["cam1_0.png", "cam1_40.png"], Fraction(40, 10**6)),
        ("name_ns", ["t0.png", "t40.png"], Fraction(40, 10**9)),
        ("name_date", ["20180515_084227.png", "20180515_084229.png"], Fraction(2)),
    ],
)
def test_the_form_can_be_stated(tmp_path: Path, option: str, names: list[str], step_s: Fraction) -> None:
    named(tmp_path, names)
    found = times(tmp_path, f"?times={option}")
    assert found.times_s[1] - found.times_s[0] == step_s


def test_a_list_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    named(tmp_path / "f", ["a.png", "b.png"])
    (tmp_path / "my list.csv").write_text("name,t_ms\na,5\nb,7\n")
    assert times(tmp_path / "f", f"?times={tmp_path}/my list.csv").times_s == (
        Fraction(5, 1000),
        Fraction(7, 1000),
    )
    with pytest.raises(SourceError, match="times must be name_s, name_ms"):
        times(tmp_path / "f", "?times=none.csv")


def test_the_rate_is_that_between_gaps(tmp_path: Path) -> None:
    stamps = [*range(0, 1000, 100), *range(600_000, 601_000, 100)]
    named(tmp_path, [f"{START * 1000 + ms}.png" for ms in stamps])
    assert times(tmp_path).rate == 10


@pytest.mark.parametrize(
    ("option", "numbers", "says"),
    [
        ("?times=name_s", [0, 100, 200], "most pictures are 100 s apart"),
        ("?times=name_ns", [0, 100, 200], "most pictures are 1e-07 s apart"),
        ("", [START * 1000, START * 1000 + 40, START * 1000 + 9_000_000], "most pictures are|gap of"),
    ],
)
def test_impossible_times_are_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, option: str, numbers: list[int], says: str
) -> None:
    fill(tmp_path, [f"{number}.png" for number in numbers])
    open_source(InputSettings(uri=f"images://{tmp_path}{option}"), "visible").close()
    assert [r for r in caplog.records if "cannot be right" in r.message and r.levelno == logging.WARNING]
    assert any(part in caplog.text for part in says.split("|"))


def test_the_rule_is_said_once_with_two_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(tmp_path, ["1526373747123456_cam.png", "1526373747223456_cam.png", "1526373747323456_cam.png"])
    with caplog.at_level(logging.INFO), open_source(InputSettings(uri=str(tmp_path)), "visible") as source:
        list(source)
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}: times are the microseconds since 1970 in their names, "
        "the first 2018-05-15T08:42:27.123456Z and 2018-05-15T08:42:27.223456Z"
    ]
