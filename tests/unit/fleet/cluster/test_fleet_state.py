from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stream.errors import ConfigError
from stream.fleet.cluster.fleet_state import FleetState
from stream.fleet.cluster.nodes import Node, living_nodes
from stream.fleet.cluster.pair_record import LONGEST_END_S
from stream.fleet.cluster.spec import PairSpec, Placement
from stream.fleet.cluster.table import rows

GATE = PairSpec("gate", ("run",), "/srv/gate", "1.0", placement=Placement(1, 0, "site=gate"))
YARD = PairSpec("yard", ("run",), "/srv/yard", "1.0")
NODES = [
    Node("n1", "pole-1", {"CPU": 4.0}, {"site": "gate"}),
    Node("n2", "pole-2", {"CPU": 4.0}, {"site": "yard"}),
]


def started(*specs: PairSpec) -> FleetState:
    """A fleet whose actors were made and fuse."""
    state = FleetState()
    state.apply(specs, prune=False)
    assert {action.what for action in state.actions(0.0, NODES)} == {"create"}
    for spec in specs:
        assert say(state, spec.name, spec=state.record(spec.name).run_spec.digest) == {"end": False}
    return state


def say(of: FleetState, pair: str, now_s: float = 0.0, **more: Any) -> dict[str, Any]:
    message = {"pair": pair, "node": "n1", "state": "running", "ready": True, "actor": "first"}
    return of.report({**message, **more}, now_s)


def states(state: FleetState, now_s: float = 0.0, nodes: list[Node] = NODES) -> dict[str, str]:
    return {row.name: row.state for row in rows(state, nodes, now_s)}


def test_up_again_changes_nothing_and_tells_what_changed_and_what_is_gone() -> None:
    state = started(GATE, YARD)
    told = state.apply([replace(GATE, words=("run", "--model=lite"))], prune=False)
    assert (told["changed"], told["gone"], told["added"]) == (["gate"], ["yard"], [])
    assert not list(state.actions(1.0, NODES)) and states(state) == {"gate": "running", "yard": "running"}
    assert state.apply([GATE], prune=True)["removed"] == ["yard"]
    assert say(state, "yard", 1.0)["end"] is True and states(state)["yard"] == "ending"
    assert not list(state.actions(1.0, NODES))
    say(state, "yard", 2.0, state="ended")
    assert [(action.what, action.pair) for action in state.actions(2.0, NODES)] == [("kill", "yard")]
    state.pairs["yard"].gone()
    assert "yard" not in states(state)
    assert state.apply([GATE, YARD], prune=False)["added"] == ["yard"]


def test_an_update_gives_the_actor_the_new_spec_also_without_a_change() -> None:
    state = started(YARD)
    before = YARD.digest
    state.update(YARD)
    answer = say(state, "yard", spec=before)
    assert PairSpec.from_json(answer["spec"]).digest == state.record("yard").run_spec.digest != before
    assert not next(iter(rows(state, NODES, 0.0))).up_to_date


def test_a_move_ends_the_actor_and_makes_another_one_elsewhere() -> None:
    state = started(GATE)
    state.move("gate", "site=yard")
    assert states(state) == {"gate": "ending"} and say(state, "gate")["end"]
    assert not list(state.actions(1.0, NODES))
    assert say(state, "gate", 2.0, state="ended")["end"]
    assert [action.what for action in state.actions(2.0, NODES)] == ["kill"]
    state.pairs["gate"].gone()
    (create,) = state.actions(3.0, NODES)
    assert create.placement == Placement(1, 0, "site=yard")
    state.update(GATE)  # back to what the file says
    assert state.record("gate").placement == GATE.placement


def test_an_actor_that_does_not_end_is_killed_after_a_while_and_one_that_never_was_at_once() -> None:
    state = started(YARD)
    state.drain("yard", off=True)
    assert not list(state.actions(0.0, NODES))
    say(state, "yard", LONGEST_END_S)
    assert not list(state.actions(LONGEST_END_S, NODES))
    assert [action.what for action in state.actions(LONGEST_END_S + 1, NODES)] == ["kill"]
    pending = FleetState()
    pending.apply([GATE], prune=False)
    assert [action.what for action in pending.actions(0.0, [])] == ["create"]
    assert states(pending, nodes=[]) == {"gate": "waiting for a node with 1 core and the label site=gate"}
    pending.remove_all()
    assert [action.what for action in pending.actions(0.0, [])] == ["kill"]


def test_a_drained_node_gets_no_pair_and_loses_those_that_it_has() -> None:
    state = started(YARD)
    state.drain_node(NODES[0], off=True)
    assert states(state) == {"yard": "ending"} and say(state, "yard")["end"]
    say(state, "yard", state="ended")
    assert [action.what for action in [*state.actions(1.0, NODES), *state.actions(1.0, NODES)]] == [
        "kill",
        "kill",
    ]
    state.pairs["yard"].gone()
    (create,) = state.actions(2.0, NODES)
    assert create.avoid == ("n1",)
    assert states(state, nodes=NODES[:1])["yard"].endswith("1 core that is not drained")
    state.drain_node(NODES[0], off=False)
    assert not state.drained_nodes


def test_an_earlier_actor_of_a_pair_is_told_to_end_and_its_frames_still_count() -> None:
    state = started(YARD)
    say(state, "yard", actor="second", node="n2", spec=YARD.digest)
    frames = {"visible": 5, "thermal": 5}
    counted = {"frames_in": frames, "fused": 5, "used": frames, "dropped": {}}
    assert say(state, "yard", actor="first", run="1", counts=counted) == {"end": True}
    (row,) = rows(state, NODES, 0.0)
    assert row.node == "pole-2" and row.fused == 5


def test_an_actor_of_a_fleet_whose_state_was_moved_away_ends_and_is_killed() -> None:
    state = started(YARD)
    assert say(state, "gate")["end"] and not list(state.actions(1.0, NODES))
    say(state, "gate", state="ended")
    assert [(each.what, each.pair) for each in state.actions(1.0, NODES)] == [("kill", "gate")]
    state.killed("gate")
    assert not list(state.actions(2.0, NODES))


def test_states_of_pairs_whose_node_is_lost_or_that_say_nothing() -> None:
    state = started(YARD)
    assert states(state, nodes=NODES[1:])["yard"].startswith("waiting for room: 1 core on pole-2")
    assert states(state, now_s=60.0) == {"yard": "silent"}
    say(state, "yard", state="down", why="refused: other weights", niceness=15)
    (row,) = rows(state, NODES, 0.0)
    assert (row.state, row.why) == ("down", "refused: other weights")
    assert "RAY_worker_niceness=0" in row.notes[0]


def test_a_new_version_gets_a_new_actor() -> None:
    state = started(YARD)
    state.update(replace(YARD, version="2.0"))
    assert say(state, "yard")["end"] is True


def test_what_was_saved_goes_on() -> None:
    state = started(GATE, YARD)
    state.move("gate", "site=yard")
    state.drain("yard", off=True)
    again = FleetState(state.as_json())
    assert again.as_json() == state.as_json()
    assert states(again)["yard"] == "ending"


def test_a_pair_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="the fleet runs no pair pole; it has gate, yard"):
        started(GATE, YARD).move("pole", "site=gate")


def test_nodes_are_called_by_their_label_or_host_and_apart_where_they_share_it() -> None:
    def listed(number: str, **labels: str) -> dict[str, Any]:
        return {
            "NodeID": number,
            "Alive": True,
            "NodeManagerHostname": "host",
            "Resources": {},
            "Labels": labels,
        }

    found = living_nodes(
        [listed("a" * 40), listed("b" * 40), listed("c", node="pole-1"), {**listed("d"), "Alive": False}]
    )
    assert [node.name for node in found] == ["host-aaaaaa", "host-bbbbbb", "pole-1"]


def test_spare_nodes_are_those_without_a_pair_that_could_take_one() -> None:
    state = FleetState()
    state.apply([GATE, YARD], prune=False)
    assert not state.spare_nodes(NODES), "nothing fuses yet"
    state = started(GATE, YARD)
    head = Node("n0", "head", {"CPU": 0.0}, {})
    assert [node.name for node in state.spare_nodes([head, *NODES])] == ["pole-2"]
    state.drain_node(NODES[1], off=True)
    assert not state.spare_nodes(NODES)
    assert not started(GATE).spare_nodes(NODES), "pole-2 lacks the label of the only pair"
    assert not started(replace(YARD, is_quick=False)).spare_nodes(NODES)
