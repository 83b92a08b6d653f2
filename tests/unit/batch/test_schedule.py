from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from stream.batch.cutting.rows import parts_folder
from stream.batch.job import Job, Outcome
from stream.batch.results import open_results, read_results
from stream.batch.schedule import work
from stream.batch.tally import Tally
from stream.config.batch import BatchSettings


def job(name: str, size: int = 1) -> Job:
    return Job(f"row of {name}", name, "/none", {}, "", "1", size)


class HandEngine:
    """Ends jobs, the oldest first, as a list says."""

    def __init__(self, ends: dict[str, list[Outcome]], slots: int = 2) -> None:
        self.ends, self.slots, self.where = ends, slots, "here"
        self.begun: list[str] = []
        self.going: deque[str] = deque()
        self.most = 0
        self.stopped = False

    def begin(self, job: Job) -> None:
        self.begun.append(job.name)
        self.going.append(job.name)
        self.most = max(self.most, len(self.going))

    def wait(self, timeout_s: float) -> list[tuple[str, float | Outcome]]:
        name = self.going.popleft()
        if self.stopped:
            return [(name, Outcome(name, "stopped"))]
        return [(name, 0.5), (name, self.ends[name].pop(0) if name in self.ends else done(name))]

    def stop(self) -> None:
        self.stopped = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


@dataclass
class Hand:
    drain: bool = False
    stop: bool = False


def done(name: str) -> Outcome:
    return Outcome(name, "done", record={"output": name})


def failed(name: str, kind: str) -> Outcome:
    return Outcome(name, "failed", kind, f"{kind} of {name}")


def cut(name: str, parts: int) -> Outcome:
    listed = [{"number": number, "start_s": 5.0 * number} for number in range(parts)]
    return Outcome(name, "cut", record={"inputs": [], "cut": {"parts": listed}})


def part(name: str, number: int) -> str:
    return f"{parts_folder(name)}/{number:04d}.mp4"


def part_done(name: str, number: int) -> Outcome:
    record = {"output": part(name, number), "part": {"number": number}}
    return Outcome(part(name, number), "done", record=record)


def run(
    folder: Path, jobs: list[Job], engine: HandEngine, asked: Hand | None = None, tell: Any = None
) -> Tally:
    tally = Tally(rows=len(jobs))
    cut_rows = [job.name for job in jobs if job.cut_s]
    with open_results(folder, cut_rows) as results:
        work(jobs, engine, results, tally, asked or Hand(), BatchSettings(), tell or (lambda tally: None))
    return tally


def test_what_may_pass_is_tried_again_and_the_rest_is_not(tmp_path: Path) -> None:
    ends = {
        "b": [failed("b", "crash"), failed("b", "lost"), done("b")],
        "c": [failed("c", "source")],
        "d": [failed("d", "crash")] * 3,
    }
    engine = HandEngine(ends)
    tally = run(tmp_path, [job(name) for name in "abcd"], engine)
    assert (tally.done, tally.failures, tally.not_done) == (2, 2, 0)
    assert sorted(engine.begun) == sorted("abbbcddd") and engine.most == 2
    assert tally.retries == {"crash": 3, "lost": 1}
    records = read_results(tmp_path)
    assert records["b"]["attempts"] == 3
    assert records["b"]["failed_before"] == ["crash of b", "lost of b"]
    assert (records["c"]["status"], records["c"]["kind"]) == ("failed", "source")
    assert records["d"]["reason"] == "crash of d"
    assert tally.share == 1.0


def test_a_job_that_somebody_else_stops_is_tried_again(tmp_path: Path) -> None:
    stopped = Outcome("a", "stopped", reason="stopped by SIGTERM")
    tally = run(tmp_path, [job("a")], HandEngine({"a": [stopped, done("a")]}))
    assert (tally.done, tally.not_done, tally.retries) == (1, 0, {"crash": 1})
    why = ["its process was ended from outside: stopped by SIGTERM"]
    assert read_results(tmp_path)["a"]["failed_before"] == why


def test_ctrl_c_ends_what_is_begun_and_begins_no_more(tmp_path: Path) -> None:
    asked = Hand()
    engine = HandEngine({})

    def interrupt(tally: Tally) -> None:
        asked.drain = True

    tally = run(tmp_path, [job(name) for name in "abcde"], engine, asked, interrupt)
    assert engine.begun == ["a", "b"] and not engine.stopped
    assert (tally.done, tally.not_done) == (2, 3)


def test_a_second_one_stops_and_what_was_stopped_is_no_result(tmp_path: Path) -> None:
    asked = Hand()

    def interrupt(tally: Tally) -> None:
        asked.drain = asked.stop = True

    engine = HandEngine({})
    tally = run(tmp_path, [job(name) for name in "abcde"], engine, asked, interrupt)
    assert engine.stopped
    assert (tally.done, tally.not_done) == (1, 4)
    assert list(read_results(tmp_path)) == ["a"]


def test_parts_come_before_other_rows_and_are_joined_at_the_end(tmp_path: Path) -> None:
    row = replace(job("a.mp4", 9), cut_s=5.0)
    crash = failed(part("a.mp4", 1), "crash")
    ends = {
        "a.mp4": [cut("a.mp4", 3), done("a.mp4")],
        part("a.mp4", 0): [part_done("a.mp4", 0)],
        part("a.mp4", 1): [crash, part_done("a.mp4", 1)],
        part("a.mp4", 2): [part_done("a.mp4", 2)],
    }
    engine = HandEngine(ends, slots=1)
    tally = run(tmp_path, [row, job("b.mp4")], engine)
    parts = [part("a.mp4", number) for number in (0, 1, 2)]
    assert engine.begun == ["a.mp4", *parts, "b.mp4", parts[1], "a.mp4"]
    assert (tally.done, tally.rows, tally.retries, tally.share) == (2, 2, {"crash": 1}, 1.0)
    assert sorted(read_results(tmp_path)) == ["a.mp4", "b.mp4"]


def test_a_part_that_fails_is_the_failure_of_its_row(tmp_path: Path) -> None:
    row = replace(job("a.mp4", 9), cut_s=5.0)
    ends = {
        "a.mp4": [cut("a.mp4", 4)],
        part("a.mp4", 0): [part_done("a.mp4", 0)],
        part("a.mp4", 1): [failed(part("a.mp4", 1), "source")],
        part("a.mp4", 2): [part_done("a.mp4", 2)],
    }
    engine = HandEngine(ends)
    tally = run(tmp_path, [row, job("b.mp4")], engine)
    assert part("a.mp4", 3) not in engine.begun
    assert (tally.done, tally.failures, tally.not_done, tally.share) == (1, 1, 0, 1.0)
    record = read_results(tmp_path)["a.mp4"]
    assert record["reason"] == f"part 2 of 4, from 5.000 s: source of {part('a.mp4', 1)}"


def test_parts_that_cannot_be_joined_are_fused_whole(tmp_path: Path) -> None:
    row = replace(job("a.mp4", 9), cut_s=5.0)
    ends = {
        "a.mp4": [cut("a.mp4", 1), Outcome("a.mp4", "whole", reason="why"), done("a.mp4")],
        part("a.mp4", 0): [part_done("a.mp4", 0)],
    }
    tally = run(tmp_path, [row], HandEngine(ends))
    assert (tally.done, tally.share) == (1, 1.0)
    assert list(read_results(tmp_path)) == ["a.mp4"]


def test_rows_whose_parts_were_not_all_done_are_not_done(tmp_path: Path) -> None:
    asked = Hand()
    row = replace(job("a.mp4", 9), cut_s=5.0)
    ends = {"a.mp4": [cut("a.mp4", 3)]} | {part("a.mp4", n): [part_done("a.mp4", n)] for n in range(3)}

    def interrupt(tally: Tally) -> None:
        asked.drain = tally.finished_bytes >= 3

    tally = run(tmp_path, [row, job("b.mp4")], HandEngine(ends, slots=1), asked, interrupt)
    assert (tally.done, tally.not_done) == (0, 2)
