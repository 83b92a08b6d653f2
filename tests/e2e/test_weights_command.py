"""`gifnet weights` on real files and a server on loopback."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from gifnet.model import GIFNet
from gifnet.weights import rename_published, save
from stream.cli import main
from tests.helpers.file_server import serve

NAMES = Path(__file__).parents[1] / "reference" / "published_names.txt"


@pytest.fixture(autouse=True)
def empty_store(tmp_path, monkeypatch):
    monkeypatch.setenv("GIFNET_WEIGHTS_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return GIFNet()


@pytest.fixture
def own(tmp_path, model):
    """Weights in this project's format."""
    save(tmp_path / "own.safetensors", model, {"name": "test"})
    return tmp_path / "own.safetensors"


@pytest.fixture
def checkpoint(tmp_path, model):
    """Weights in the authors' format."""
    ours = model.state_dict()
    names = [line.split()[0] for line in NAMES.read_text().splitlines()]
    published = {name: ours[renamed] for name in names if (renamed := rename_published(name))}
    torch.save(published, tmp_path / "Final.model")
    return tmp_path / "Final.model"


def gifnet(capsys, *words):
    """Exit status and what was printed."""
    with pytest.raises(SystemExit) as leaving:
        main(["weights", *map(str, words)])
    captured = capsys.readouterr()
    return leaving.value.code or 0, captured.out, captured.err


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_import_makes_the_checkpoint_the_published_weights(capsys, checkpoint):
    status, out, _ = gifnet(capsys, "import", checkpoint)
    assert status == 0
    assert sha256_of(checkpoint) in out and "not the file that this version knows" in out
    status, out, _ = gifnet(capsys, "list")
    assert status == 0
    assert "it carries no licence" in out and "parameters" in out


def test_list_shows_what_is_missing_and_how_to_get_it(capsys):
    status, out, _ = gifnet(capsys, "list")
    assert status == 0
    assert "default" in out and "gifnet weights fetch published" in out


def test_list_shows_other_and_damaged_files(capsys, own, tmp_path):
    (tmp_path / "store").mkdir()
    own.rename(tmp_path / "store" / "mine.safetensors")
    (tmp_path / "store" / "torn.safetensors").write_bytes(b"12345678{torn")
    status, out, _ = gifnet(capsys, "list")
    assert status == 0
    assert "mine.safetensors" in out
    assert "are damaged" in out


def test_verify_tells_the_digest(capsys, own):
    status, out, _ = gifnet(capsys, "verify", own)
    assert status == 0
    assert "sound" in out and sha256_of(own) in out


def test_verify_refuses_weights_that_fuse_to_nothing(capsys, own, tmp_path):
    model = GIFNet()
    for tensor in model.state_dict().values():
        tensor.zero_()
    save(tmp_path / "zero.safetensors", model, {})
    status, _, err = gifnet(capsys, "verify", tmp_path / "zero.safetensors")
    assert status == 1
    assert "nothing of use" in err and err.count("\n") == 1


@pytest.mark.parametrize("command", ["import", "verify"])
def test_a_file_of_something_else_is_one_sentence(capsys, tmp_path, command):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"\xff\xd8 no weights at all")
    status, out, err = gifnet(capsys, command, path)
    assert (status, out) == (1, "")
    assert err.startswith("gifnet: ") and err.count("\n") == 1


def test_fetch_keeps_the_file_under_its_name(capsys, own, tmp_path):
    with serve(own.read_bytes()) as server:
        status, out, _ = gifnet(
            capsys, "fetch", "mine", "--url", server.url, "--sha256", sha256_of(own), "-y"
        )
    assert status == 0
    kept = tmp_path / "store" / "mine.safetensors"
    assert str(kept) in out
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    assert sha256_of(kept) == sha256_of(own)


def test_fetch_published_turns_the_checkpoint_into_ours(capsys, checkpoint, tmp_path):
    address = ("--sha256", sha256_of(checkpoint), "--yes")
    with serve(checkpoint.read_bytes()) as server:
        status, out, err = gifnet(capsys, "fetch", "published", "--url", server.url, *address)
    assert status == 0
    assert "licence" in err and "--weights published" in out
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["published.safetensors"]


def test_fetch_asks_before_it_downloads(capsys, own):
    with serve(own.read_bytes()) as server:
        words = ("fetch", "mine", "--url", server.url, "--sha256", sha256_of(own))
        status, _, err = gifnet(capsys, *words)
        assert server.asked == []
    assert status == 1
    assert "--yes" in err


@pytest.mark.parametrize(
    ("words", "expected", "sentence"),
    [
        (("fetch", "nope"), 1, "known are published"),
        (("fetch", "default"), 1, "is not default"),
        (("fetch", "../up"), 1, "a name has letters"),
        (("fetch", "mine", "--url", "https://there/x"), 2, "go together"),
    ],
)
def test_a_wrong_request_is_one_sentence(capsys, words, expected, sentence):
    status, _, err = gifnet(capsys, *words)
    assert status == expected
    assert sentence in err


def test_fetch_leaves_nothing_of_a_file_without_weights(capsys, tmp_path):
    content = b"no weights at all"
    address = ("--sha256", hashlib.sha256(content).hexdigest(), "--yes")
    with serve(content) as server:
        status, _, err = gifnet(capsys, "fetch", "mine", "--url", server.url, *address)
    assert status == 1
    assert "neither safetensors nor a torch checkpoint" in err
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.refdata
def test_the_authors_file_is_known(capsys, refdata):
    status, out, _ = gifnet(capsys, "import", refdata / "upstream" / "GIFNet_Final.model")
    assert status == 0
    assert "(the authors' file)" in out
    status, out, _ = gifnet(capsys, "verify", "published")
    assert status == 0
    assert "published: sound" in out
