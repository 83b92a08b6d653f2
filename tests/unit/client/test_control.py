"""The control client with a peer that is no run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zmq

from stream.client import Control, ControlError

ANSWERS = (
    b"", b"\xff\xfe", b"7", b"[]", b"{}", b'{"result": 3}', b'{"result": null}', b"[" * 100_000,
    b'{"result": ' + b"9" * 5000 + b"}",
)  # fmt: skip


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")

        def serve() -> None:
            socket.recv()
            socket.send(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{port}"
        thread.join()


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_of_a_stranger_is_one_sentence(answer: bytes) -> None:
    with (
        answering(answer) as address,
        Control(address) as run,
        pytest.raises(ControlError, match="none of a run: check the address"),
    ):
        run.status()


@pytest.mark.parametrize("answer", [b'{"error": "no"}', b'{"error": 3, "result": {}}'])
def test_a_refusal_is_given_on(answer: bytes) -> None:
    with (
        answering(answer) as address,
        Control(address) as run,
        pytest.raises(ControlError, match=r"^no$|^3$"),
    ):
        run.settings()
