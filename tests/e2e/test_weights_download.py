"""Downloads from a real server on loopback: whole, cut, resumed, wrong."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from gifnet.download import download
from gifnet.errors import WeightsError
from tests.helpers.file_server import serve

CONTENT = bytes(range(256)) * 1200
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server():
    with serve(CONTENT) as plan:
        yield plan


@pytest.fixture
def target(tmp_path):
    return tmp_path / "store" / "w"


def part_of(target):
    return target.with_name("w.part")


def only_whole_file(target):
    return [path.name for path in target.parent.iterdir()] == ["w"] and target.read_bytes() == CONTENT


def test_a_file_arrives_whole(server, target):
    told = []
    download(server.url, SHA256, target, progress=lambda done, total: told.append((done, total)))
    assert only_whole_file(target)
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_what_is_there_is_not_fetched_again(server, target):
    for _ in range(2):
        download(server.url, SHA256.upper(), target)
    assert server.asked == [None]


def test_a_cut_connection_is_taken_up_where_it_ended(server, target):
    server.cuts = [100_000, 50_000]
    download(server.url, SHA256, target)
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]
    assert only_whole_file(target)


def test_a_later_call_goes_on_with_what_an_earlier_one_left(server, target):
    server.cuts = [100_000, 0]
    with pytest.raises(WeightsError, match="cut after 100000 bytes; run the same command again"):
        download(server.url, SHA256, target)
    assert not target.exists()
    download(server.url, SHA256, target)
    assert server.asked[-1] == "bytes=100000-"
    assert only_whole_file(target)


def test_a_server_that_cannot_resume_sends_everything_again(server, target):
    server.ranges = False
    server.cuts = [100_000]
    download(server.url, SHA256, target)
    assert only_whole_file(target)


def test_a_part_that_is_already_whole_needs_no_more(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT)
    download(server.url, SHA256, target)
    assert only_whole_file(target)


@pytest.mark.parametrize("left", [b"", b"other" * 10, CONTENT + b"more"])
def test_a_wrong_digest_leaves_nothing(server, target, left):
    target.parent.mkdir()
    part_of(target).write_bytes(left)
    with pytest.raises(WeightsError, match="not the pinned one"):
        download(server.url, "0" * 64, target)
    assert list(target.parent.iterdir()) == []


def test_a_wrong_size_is_found_before_anything_is_kept(server, target):
    with pytest.raises(WeightsError, match="has 307200 bytes, expected are 5"):
        download(server.url, SHA256, target, size_bytes=5)
    assert list(target.parent.iterdir()) == []


def test_a_missing_file_is_one_sentence(server, target):
    with pytest.raises(WeightsError, match="answers 404 Not Found; check the address"):
        download(server.url.replace("/weights", "/missing"), SHA256, target)
    assert list(target.parent.iterdir()) == []


def test_nobody_there_is_one_sentence(target):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/weights"
    with pytest.raises(WeightsError, match="cannot be reached: Connection refused; check the network"):
        download(url, SHA256, target)


def test_silence_is_one_sentence(target, monkeypatch):
    monkeypatch.setattr("gifnet.download.TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights"
        with pytest.raises(WeightsError, match="no answer within"):
            download(url, SHA256, target)


@pytest.mark.parametrize(
    ("url", "sha256", "words"),
    [
        ("file:///etc/passwd", SHA256, "must begin with https://"),
        ("https:///x", SHA256, "name a server"),
        ("https://there/x", "abc", "64 hexadecimal digits, got 'abc'"),
    ],
)
def test_a_wrong_request_is_refused(target, url, sha256, words):
    with pytest.raises(WeightsError, match=words):
        download(url, sha256, target)
    assert not target.parent.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://eve:hunter2@127.0.0.1:1/x?sig=hunter2",
        "http://eve:hunter2@[127.0.0.1:1/x",
        "http://eve:hunter2@127.0.0.1:port/x",
        "http://[hunter2",
        "ftp://eve:hunter2@127.0.0.1/x",
        "http://127.0.0.1:1/x?sig=hunter2",
        "http://127.0.0.1:1/x y?code=hunter2",
        "hunter2",
    ],
)
def test_no_refusal_shows_what_an_address_hides(target, url):
    with pytest.raises(WeightsError) as caught:
        download(url, SHA256, target)
    assert "hunter2" not in str(caught.value)


def test_no_answer_shows_the_signature_of_an_address(server, target):
    for path in ("/missing?sig=hunter2", "/weights?code=hunter2"):
        with pytest.raises(WeightsError) as caught:
            download(server.url.replace("/weights", path), "0" * 64, target)
        assert "hunter2" not in str(caught.value)


@contextmanager
def answering(head: bytes, body: bytes) -> Iterator[str]:
    """A server that answers everything with the same bytes."""

    def answer(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n\r\n" + body
                    )

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/weights"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


CHUNKED = b"10000\r\n" + bytes(65536) + b"\r\n"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 400000", bytes(400_000)),
        (b"Content-Length: 99999999999999999999", bytes(400_000)),
        (b"X: y", bytes(400_000)),
        (b"Transfer-Encoding: chunked", CHUNKED * 6),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 99999999999", CHUNKED * 6),
        (b"Content-Length: \xb2", bytes(400_000)),
        (b"Content-Length: " + b"9" * 5000, bytes(400_000)),
    ],
)
def test_no_download_is_larger_than_any_weights(target, monkeypatch, head, body):
    monkeypatch.setattr("gifnet.download.MAX_BYTES", 200_000)
    with answering(head, body) as url, pytest.raises(WeightsError):
        download(url, SHA256, target)
    assert sum(path.stat().st_size for path in target.parent.iterdir()) <= 200_000 + (1 << 16)


def test_a_place_that_cannot_be_written_is_one_sentence(server, tmp_path):
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match="cannot be written"):
        download(server.url, SHA256, tmp_path / "store" / "w")
