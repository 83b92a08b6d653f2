from __future__ import annotations

import json
import logging

import pytest

from stream.cli.logs import TEXT, JsonLines, _MaskedTracebacks


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
    handler.setFormatter(_MaskedTracebacks(TEXT))
    a_traceback(handler)
    text = capsys.readouterr().err
    assert "rtsp://eve:***@cam/1" in text and "s3cret" not in text


def test_tracebacks_in_json_logs_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    a_traceback(JsonLines())
    text = capsys.readouterr().err
    assert "rtsp://eve:***@cam/1" in json.loads(text)["exc_info"] and "s3cret" not in text
