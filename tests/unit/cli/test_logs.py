from __future__ import annotations

import json
import logging
from contextvars import copy_context

import pytest

from stream.cli.logs import MOST_SAID, TEXT, JsonLines, OfPair, Once, Sentences
from stream.runtime.threads import PAIR


def a_traceback(handler: logging.Handler) -> None:
    log = logging.getLogger("stream.test_logs")
    log.propagate = False
    log.addHandler(handler)
    try:
        raise ValueError("no such thing: 'rtsp://eve:s3cret@cam/1'")
    except ValueError:
        log.exception("it failed")
    finally:
        log.removeHandler(handler)


def test_tracebacks_in_logs_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Sentences(TEXT))
    a_traceback(handler)
    text = capsys.readouterr().err
    assert "rtsp://eve:***@cam/1" in text and "s3cret" not in text


def test_tracebacks_in_json_logs_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    a_traceback(JsonLines())
    text = capsys.readouterr().err
    assert "rtsp://eve:***@cam/1" in json.loads(text)["exc_info"] and "s3cret" not in text


def test_lines_of_one_of_several_pairs_begin_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("text", "json"):
        handler = logging.StreamHandler() if kind == "text" else JsonLines()
        if kind == "text":
            handler.setFormatter(Sentences(TEXT))
        handler.addFilter(OfPair())
        record = logging.LogRecord("stream.live", logging.WARNING, "", 0, "%s", ("back",), None)
        context = copy_context()
        context.run(PAIR.set, "gate")
        context.run(handler.handle, record)
    text, line = capsys.readouterr().err.splitlines()
    assert text == "gifnet: gate: back"
    told = json.loads(line)
    assert (told["pair"], told["message"]) == ("gate", "back")


def test_a_source_that_is_opened_again_says_nothing_twice() -> None:
    once = Once()

    def passes(name: str, message: str) -> bool:
        return bool(once.filter(logging.LogRecord(name, logging.WARNING, "", 0, "%s", (message,), None)))

    assert passes("stream.sources.video", "a is interlaced")
    assert not passes("stream.sources.video", "a is interlaced")
    assert passes("stream.sources.video", "b is interlaced")
    assert passes("stream.live", "back after 1 s") and passes("stream.live", "back after 1 s")
    for number in range(MOST_SAID):
        assert passes("stream.sources", str(number))
