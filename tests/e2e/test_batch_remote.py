"""`gifnet batch` with inputs and outputs in S3, against a server of this machine."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.errors import ConfigError, StorageError
from tests.e2e.conftest import Gifnet
from tests.helpers.batch import batch
from tests.helpers.media import make_pair, moving_pattern, write_video
from tests.helpers.readback import count_frames
from tests.helpers.s3_server import ENVIRONMENT, ask, s3_server

pytest.importorskip("s3fs", reason="the extra remote is not installed")
pytest.importorskip("moto.server", reason="moto[s3] or flask is not installed")

# boto's own code uses what Python has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server in a process of its own; the thread of fsspec, which never ends, begins here too."""
    from fsspec.asyn import get_loop

    get_loop()
    with s3_server() as url:
        yield url


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of the emptied server, with one bucket."""
    import s3fs

    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    ask(f"{endpoint}/moto-api/reset")
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    files.mkdir("bucket")
    yield files
    for each in (files, *s3fs.S3FileSystem._cache.values()):
        each.close_session(each.loop, each.s3)
    s3fs.S3FileSystem.clear_instance_cache()
    gc.collect()


@pytest.fixture
def clips(s3: Any, tmp_path: Path) -> dict[str, Any]:
    """A pair in the bucket, as a row."""
    for path in make_pair(tmp_path, count=6, size=(64, 48), rate=5):
        s3.put_file(str(path), f"bucket/in/{path.name}")
    return {
        "visible": "s3://bucket/in/visible.mp4",
        "thermal": "s3://bucket/in/thermal.mp4",
        "output": "deep/x.mp4",
    }


def test_inputs_are_copied_and_outputs_appear_there_once(
    s3: Any, clips: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = {"model": "null", "upload": "s3://bucket/fused"}
    tally, outcomes, records = batch(out, [clips], **words)
    assert (tally.done, tally.failures) == (1, 0), tally.failed
    s3.get_file("bucket/fused/deep/x.mp4", str(tmp_path / "back.mp4"))
    assert count_frames(tmp_path / "back.mp4") == 6
    assert records["deep/x.mp4"]["files"][0]["url"] == "s3://bucket/fused/deep/x.mp4"
    assert sorted(path.name for path in out.iterdir()) == [".batch", "results.jsonl"]
    assert [path.name for path in (out / ".batch").rglob("*") if path.is_file()] == ["lock"]

    # Nothing was touched: nothing is read again.
    assert batch(out, [clips], **words)[0].unchanged == 1
    # The same content under another tag is read and recognised; another content is fused.
    s3.copy("bucket/in/visible.mp4", "bucket/in/other.mp4")
    again = batch(out, [{**clips, "visible": "s3://bucket/in/other.mp4"}], **words)[1]
    assert [outcome.status for outcome in again] == ["unchanged"]
    other = write_video(tmp_path / "o.mp4", moving_pattern(4, (64, 48), colour=True), rate=5)
    s3.put_file(str(other), "bucket/in/visible.mp4")
    tally, outcomes, records = batch(out, [clips], **words)
    assert [outcome.status for outcome in outcomes] == ["done"] and records["deep/x.mp4"]["fused"] == 4
    # An output that is gone, or that somebody replaced, is made again.
    s3.rm("bucket/fused/deep/x.mp4")
    assert [outcome.status for outcome in batch(out, [clips], **words)[1]] == ["done"]
    # So is one that goes to another place.
    assert [outcome.status for outcome in batch(out, [clips], model="null")[1]] == ["done"]
    assert count_frames(out / "deep" / "x.mp4") == 4


def test_parts_share_the_copies_of_their_row(s3: Any, clips: dict[str, Any], tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=40, size=(64, 48), rate=10)
    s3.put_file(str(visible), "bucket/in/visible.mp4")
    s3.put_file(str(thermal), "bucket/in/thermal.mp4")
    tally, outcomes, _ = batch(tmp_path / "out", [clips], 2.0, upload="s3://bucket/fused", model="null")
    assert [outcome.status for outcome in outcomes] == ["cut", "done", "done", "done"], tally.failed
    s3.get_file("bucket/fused/deep/x.mp4", str(tmp_path / "back.mp4"))
    assert count_frames(tmp_path / "back.mp4") == 40
    assert not list((tmp_path / "out" / ".batch").rglob("*.mp4"))


def test_folders_of_pictures_come_and_go_whole(s3: Any, clips: dict[str, Any], tmp_path: Path) -> None:
    first = {"model": "null", "upload": "s3://bucket/fused"}
    assert batch(tmp_path / "one", [{**clips, "output": "p/"}], **first)[0].done == 1
    names = [f"{number:06d}.png" for number in range(6)]
    assert sorted(s3.ls("bucket/fused/p", detail=False)) == [
        f"bucket/fused/p/{name}" for name in (*names, "times.csv")
    ]
    row = {"visible": "s3://bucket/fused/p/", "thermal": "s3://bucket/fused/p/", "output": "x.mp4"}
    tally, _, records = batch(tmp_path / "two", [row], model="null")
    assert (tally.done, records["x.mp4"]["fused"]) == (1, 6), tally.failed
    # A shorter result leaves nothing of the longer one behind.
    batch(tmp_path / "one", [{**clips, "output": "p/", "frames": 2}], **first)
    s3.invalidate_cache()
    assert len(s3.ls("bucket/fused/p")) == 3


def test_wrong_places_are_told_before_work_starts(s3: Any, clips: dict[str, Any], tmp_path: Path) -> None:
    rows = [
        {**clips, "visible": "s3://bucket/in/none.mp4"},
        {**clips, "visible": "s3://nobucket/x.mp4", "output": "y.mp4"},
        {**clips, "output": "visible.mp4"},
    ]
    with pytest.raises(ConfigError) as caught:
        batch(tmp_path / "out", rows, model="null", upload="s3://bucket/in")
    told = str(caught.value).splitlines()[1:]
    assert told[0].startswith("  line 2: visible: there is no s3://bucket/in/none.mp4")
    assert told[1].startswith("  line 3: visible: there is no s3://nobucket/x.mp4")
    assert "is, or lies in, s3://bucket/in/visible.mp4, an input of line 4" in told[2]
    with pytest.raises(StorageError, match="there is no such bucket or object"):
        batch(tmp_path / "out", [clips], model="null", upload="s3://nobucket/x")
    with pytest.raises(ConfigError, match=r"must be a URL as in s3://bucket/fused, got /tmp"):
        batch(tmp_path / "out", [clips], model="null", upload="/tmp")
    with pytest.raises(ConfigError, match=r"allow more by --staging-gb"):
        batch(tmp_path / "out", [clips], model="null", staging_gb=1e-6)
    assert not (tmp_path / "out").exists()


def test_no_rights_and_no_credentials_are_one_sentence(
    endpoint: str, s3: Any, clips: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    def sentence() -> str:
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(ConfigError) as caught:
            batch(tmp_path / "out", [clips], model="null")
        return str(caught.value)

    ask(f"{endpoint}/moto-api/reset-auth", b"0")
    try:
        assert "the storage refuses, or finds no credentials in the environment" in sentence()
    finally:
        ask(f"{endpoint}/moto-api/reset-auth", b"inf")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "the storage refuses, or finds no credentials in the environment" in sentence()


def test_without_the_package_one_sentence_says_what_to_install(
    gifnet: Gifnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    def missing(scheme: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    manifest = tmp_path / "pairs.jsonl"
    manifest.write_text(json.dumps({"visible": "s3://bucket/v.mp4", "thermal": "s3://bucket/t.mp4"}))
    done = gifnet("batch", manifest, "-o", tmp_path / "out")
    assert done.status == 1
    assert "pip install 'gifnet-stream[remote]'" in done.err


def test_the_command_copies_and_uploads_in_its_processes(
    gifnet: Gifnet, s3: Any, clips: dict[str, Any], tmp_path: Path
) -> None:
    manifest = tmp_path / "pairs.jsonl"
    manifest.write_text("\n".join(json.dumps({**clips, "output": f"{name}.mp4"}) for name in "ab"))
    words = ("--upload", "s3://bucket/fused", "--model", "null", "--device", "cpu", "--jobs", "2")
    done = gifnet("batch", manifest, "-o", tmp_path / "out", *words)
    assert done.status == 0, done.err
    s3.invalidate_cache()
    assert sorted(s3.ls("bucket/fused", detail=False)) == ["bucket/fused/a.mp4", "bucket/fused/b.mp4"]
    again = gifnet("batch", manifest, "-o", tmp_path / "out", *words, "-n")
    assert again.out.splitlines()[-1].endswith("2 done before")
