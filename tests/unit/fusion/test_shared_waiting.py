"""Batches of requests of several pairs, by a clock that is moved by hand."""

from __future__ import annotations

from collections import Counter

import torch

from stream.device.streams import HostEvent
from stream.fusion.shared.waiting import EXPECTED_S, Request, Waiting


def ask(waiting: Waiting, pair: int, since_s: float, size: int = 8) -> Request:
    picture = torch.zeros(1, 1, size, size)
    request = Request(pair, picture, picture, picture, HostEvent(), HostEvent(), since_s)
    waiting.add(request)
    return request


def test_a_single_pair_never_waits() -> None:
    waiting = Waiting(most=8, wait_s=1.0)
    assert waiting.due_in_s(0.0) is None
    for turn in range(3):
        one = ask(waiting, pair=1, since_s=float(turn))
        assert waiting.due_in_s(float(turn)) == 0
        assert waiting.take() == [one]


def test_pairs_that_asked_lately_are_waited_for_but_never_longer_than_the_bound() -> None:
    waiting = Waiting(most=8, wait_s=0.01)
    for pair in (1, 2):
        ask(waiting, pair, 0.0)
    assert len(waiting.take()) == 2
    ask(waiting, 1, 0.1)
    assert waiting.due_in_s(0.104) == 0.1 + 0.01 - 0.104
    assert waiting.due_in_s(0.11) == 0
    ask(waiting, 2, 0.105)
    assert waiting.due_in_s(0.105) == 0, "all have asked"


def test_a_pair_that_is_silent_or_gone_is_not_waited_for() -> None:
    for leaves in (False, True):
        waiting = Waiting(most=8, wait_s=0.01)
        ask(waiting, 1, 0.0)
        ask(waiting, 2, 0.0)
        waiting.take()
        later_s = 0.1 if leaves else EXPECTED_S + 0.1
        if leaves:
            waiting.leave(2)
        ask(waiting, 1, later_s)
        assert waiting.due_in_s(later_s) == 0


def test_a_full_batch_is_due_at_once_and_leaves_the_rest() -> None:
    waiting = Waiting(most=2, wait_s=1.0)
    requests = [ask(waiting, pair, 0.0) for pair in (1, 2, 3)]
    assert waiting.due_in_s(0.0) == 0
    assert waiting.take() == requests[:2]
    assert waiting.take() == requests[2:]
    assert waiting.take() == []


def test_only_frames_of_one_shape_make_a_batch_and_the_oldest_goes_first() -> None:
    waiting = Waiting(most=8, wait_s=0.0)
    small, large, other = ask(waiting, 1, 0.0, 8), ask(waiting, 2, 0.1, 16), ask(waiting, 3, 0.2, 8)
    assert waiting.take() == [small, other]
    assert waiting.take() == [large]


def test_a_pair_that_floods_gets_no_more_turns_than_the_others() -> None:
    """Pair 0 asks again at once whenever it is served; the others a little later."""
    waiting, served = Waiting(most=1, wait_s=0.0), Counter[int]()
    for pair in range(4):
        ask(waiting, pair, 0.0)
    for turn in range(100):
        (request,) = waiting.take()
        served[request.pair] += 1
        late = [] if request.pair == 0 else [request.pair]
        if request.pair == 0:
            ask(waiting, 0, float(turn))
        for pair in late:
            ask(waiting, pair, float(turn) + 0.5)
    assert max(served.values()) - min(served.values()) <= 1
