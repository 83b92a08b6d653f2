"""SIGHUP: queued by the handler, served by a thread while the block lasts."""

from __future__ import annotations

import logging
import os
import signal
import threading

import pytest

from stream.cli.reload import hangups, reloading
from stream.config import FuseSettings, RunSettings, validate
from stream.config.live_settings import Adjustable, AdjustableSettings
from stream.errors import ConfigError

SETTINGS = {"visible": {"uri": "v"}, "thermal": {"uri": "t"}, "outputs": [{"uri": "null://"}]}


def settings(low: float) -> RunSettings:
    return validate(RunSettings, {**SETTINGS, "gain": {"low": low}}, "here")


def test_a_signal_before_the_run_begins_is_served_once_it_does() -> None:
    taken: list[FuseSettings] = []
    controls = AdjustableSettings(settings(1), Adjustable(taken.append))
    before = signal.getsignal(signal.SIGHUP)
    with hangups() as requests:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not taken
        with reloading(requests, lambda: settings(3), controls):
            pass  # the block ends when every request is served
    assert [one.gain.low for one in taken] == [3]
    assert signal.getsignal(signal.SIGHUP) is before


def test_signals_while_the_settings_are_locked_wait_without_stopping_the_thread_that_holds_them() -> None:
    """The main thread holds the lock of the settings when self-align changes them."""
    taken: list[FuseSettings] = []
    controls = AdjustableSettings(settings(1), Adjustable(taken.append))
    with hangups() as requests, reloading(requests, lambda: settings(3), controls), controls._lock:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
        assert not taken
    assert [one.gain.low for one in taken] == [3]


def test_a_wrong_file_and_a_mistake_of_ours_change_nothing_and_later_requests_are_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes = iter([ConfigError("a bad file"), RuntimeError("our mistake"), settings(3)])
    taken: list[FuseSettings] = []
    controls = AdjustableSettings(settings(1), Adjustable(taken.append))

    def load() -> FuseSettings:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with caplog.at_level(logging.WARNING), hangups() as requests, reloading(requests, load, controls):
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
    assert "the settings stay as they are: a bad file" in caplog.text
    assert "our mistake" in caplog.text
    assert [one.gain.low for one in taken] == [3]


def test_outside_the_main_thread_no_handler_is_installed() -> None:
    before, seen = signal.getsignal(signal.SIGHUP), []

    def work() -> None:
        with hangups():
            seen.append(signal.getsignal(signal.SIGHUP))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
